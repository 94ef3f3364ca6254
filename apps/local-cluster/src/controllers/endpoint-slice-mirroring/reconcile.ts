import {
  type CoreService,
  EndpointSlice,
  isSemanticallyEqual,
  keyOf,
  type KubeClient,
  NotFoundError,
} from "@kelvin/kube";
import { type Outcome, waitForEvent } from "@kelvin/controller";
import type { Endpoints } from "../endpoints/endpoints-kind.ts";
import { isNamespaceTerminating } from "../namespace-terminating.ts";
import { isBeingDeleted } from "../ownership.ts";
import { makeMirroredSlices } from "./mirror.ts";

const skipLabel = "endpointslice.kubernetes.io/skip-mirror";

export interface MirroringDeps {
  readonly kube: KubeClient;
  readonly findService: (endpoints: Endpoints) => CoreService | undefined;
  /** The slices that this controller made for the Endpoints. */
  readonly slicesOf: (endpoints: Endpoints) => readonly EndpointSlice[];
}

/**
 * Shows Endpoints that somebody wrote by hand, for a Service without a selector, as EndpointSlices: only those are read.
 * The slices are owned by the Endpoints, so the garbage collector removes them.
 */
export async function reconcileMirroring(
  endpoints: Endpoints,
  { kube, findService, slicesOf }: MirroringDeps,
): Promise<Outcome> {
  if (isBeingDeleted(endpoints)) return waitForEvent;
  const wanted = isMirrored(endpoints, findService(endpoints)) ? makeMirroredSlices(endpoints) : [];
  const existing = new Map(slicesOf(endpoints).map((slice) => [slice.metadata.name, slice]));
  for (const slice of wanted) await ensureSlice(slice, existing.get(slice.metadata.name), kube);
  const names = new Set(wanted.map(({ metadata }) => metadata.name));
  for (const slice of existing.values()) if (!names.has(slice.metadata.name)) await remove(slice, kube);
  return waitForEvent;
}

function isMirrored({ metadata }: Endpoints, service: CoreService | undefined): boolean {
  if (metadata.labels?.[skipLabel] === "true" || service === undefined) return false;
  const { selector, type } = service.spec ?? {};
  return type !== "ExternalName" && Object.keys(selector ?? {}).length === 0;
}

async function ensureSlice(
  desired: EndpointSlice,
  existing: EndpointSlice | undefined,
  kube: KubeClient,
): Promise<void> {
  if (existing === undefined) {
    try {
      await kube.create(EndpointSlice, desired);
    } catch (error) {
      if (!isNamespaceTerminating(error)) throw error;
    }
    return;
  }
  const next = { ...existing, ...desired, metadata: { ...existing.metadata, ...desired.metadata } };
  if (!isSemanticallyEqual(next, existing)) await kube.update(EndpointSlice, next);
}

async function remove(slice: EndpointSlice, kube: KubeClient): Promise<void> {
  try {
    await kube.delete(EndpointSlice, keyOf(slice));
  } catch (error) {
    // Its Endpoints may have taken it along.
    if (!(error instanceof NotFoundError)) throw error;
  }
}
