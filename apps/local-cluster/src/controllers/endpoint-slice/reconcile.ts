import {
  AlreadyExistsError,
  ConflictError,
  type CoreService,
  EndpointSlice,
  isSemanticallyEqual,
  keyOf,
  type KubeClient,
  type Pod,
} from "@kelvin/kube";
import { type Outcome, waitForEvent } from "@kelvin/controller";
import { isNamespaceTerminating } from "../namespace-terminating.ts";
import { isBeingDeleted } from "../ownership.ts";
import { decideSlices } from "./slices.ts";

export interface EndpointSliceDeps {
  readonly kube: KubeClient;
  /** The pods that the Service selects. */
  readonly podsOf: (service: CoreService) => readonly Pod[];
  /** The slices of the Service that this controller made. */
  readonly slicesOf: (service: CoreService) => readonly EndpointSlice[];
}

/**
 * Keeps the EndpointSlices of one Service equal to the pods it selects. Services without a selector are left to their
 * owners. A stale copy of the slices shows as a conflict, and the pass is run again.
 */
export async function reconcileEndpointSlices(
  service: CoreService,
  { kube, podsOf, slicesOf }: EndpointSliceDeps,
): Promise<Outcome> {
  if (isBeingDeleted(service) || !isServed(service)) return waitForEvent;
  const existing = slicesOf(service);
  const plan = decideSlices(service, podsOf(service), existing);
  const byName = new Map(existing.map((slice) => [slice.metadata.name, slice]));
  // Additions come before removals: an endpoint is never in no slice.
  await Promise.all(plan.create.map((slice) => create(kube, slice)));
  await Promise.all(
    plan.update
      .filter((slice) => !isSemanticallyEqual(slice, byName.get(slice.metadata.name)))
      .map((slice) => kube.update(EndpointSlice, slice)),
  );
  await Promise.all(plan.remove.map((slice) => kube.delete(EndpointSlice, keyOf(slice), preconditionsOf(slice))));
  return waitForEvent;
}

/** Whether this controller is in charge of the Service's slices. */
export function isServed(service: CoreService): boolean {
  const { selector, type } = service.spec ?? {};
  return type !== "ExternalName" && selector !== undefined && Object.keys(selector).length > 0;
}

async function create(kube: KubeClient, slice: EndpointSlice): Promise<void> {
  try {
    await kube.create(EndpointSlice, slice);
  } catch (error) {
    if (isNamespaceTerminating(error)) return;
    if (!(error instanceof AlreadyExistsError)) throw error;
    // Our own creation that the informer has not shown yet; names are functions of the Service, so it is no other's.
    throw new ConflictError(`the EndpointSlice "${slice.metadata.name ?? ""}" is not in the cache yet`, {
      cause: error,
    });
  }
}

function preconditionsOf({ metadata: { uid } }: EndpointSlice): { preconditions: { uid?: string } } {
  return { preconditions: uid === undefined ? {} : { uid } };
}
