import { type CoreService, type EndpointSlice, isSemanticallyEqual, type KubeClient } from "@kelvin/kube";
import { type Outcome, waitForEvent } from "@kelvin/controller";
import { isServed } from "../endpoint-slice/reconcile.ts";
import { isNamespaceTerminating } from "../namespace-terminating.ts";
import { isBeingDeleted } from "../ownership.ts";
import { Endpoints } from "./endpoints-kind.ts";
import { makeEndpoints } from "./from-slices.ts";

export interface EndpointsDeps {
  readonly kube: KubeClient;
  readonly slicesOf: (service: CoreService) => readonly EndpointSlice[];
  readonly findEndpoints: (service: CoreService) => Endpoints | undefined;
}

/**
 * Keeps the Endpoints of one Service equal to its EndpointSlices. Services without a selector keep those that their
 * owners write. They are owned by their Service, so the garbage collector removes them.
 */
export async function reconcileEndpoints(
  service: CoreService,
  { kube, slicesOf, findEndpoints }: EndpointsDeps,
): Promise<Outcome> {
  if (isBeingDeleted(service) || !isServed(service)) return waitForEvent;
  const desired = makeEndpoints(service, slicesOf(service));
  const existing = findEndpoints(service);
  if (existing === undefined) {
    await create(kube, desired);
    return waitForEvent;
  }
  const { subsets: _former, ...rest } = existing;
  const { labels, ownerReferences } = desired.metadata;
  const metadata = {
    ...existing.metadata,
    ...(labels !== undefined && { labels }),
    ...(ownerReferences !== undefined && { ownerReferences }),
  };
  const next: Endpoints = { ...rest, metadata, ...(desired.subsets !== undefined && { subsets: desired.subsets }) };
  if (!isSemanticallyEqual(next, existing)) await kube.update(Endpoints, next);
  return waitForEvent;
}

async function create(kube: KubeClient, endpoints: Endpoints): Promise<void> {
  try {
    await kube.create(Endpoints, endpoints);
  } catch (error) {
    if (!isNamespaceTerminating(error)) throw error;
  }
}
