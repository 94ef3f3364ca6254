import type { ApiObject } from "../api-object.ts";
import { isHeldBack, type Resource, viewOf } from "../resource.ts";
import { conflict, invalid, notFound, successStatus, type Status } from "../status-error.ts";
import { invalidValue } from "../field-cause.ts";
import { storeKey, withOwnMetadata } from "./create.ts";
import { timestampOf } from "./metadata.ts";
import { checkMayBeDeleted } from "./namespace-lifecycle.ts";
import type { Registry, WriteRequest } from "./request.ts";

export interface DeleteOptions {
  readonly propagationPolicy?: string;
  readonly gracePeriodSeconds?: number;
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
}

/** Either the object is gone, or it is shown as it goes on existing until its finalizers or its grace have ended. */
export type Deletion = { readonly gone: Status } | { readonly terminating: ApiObject };

const foregroundFinalizer = "foregroundDeletion";
const orphanFinalizer = "orphan";

/**
 * Begins or completes the deletion of an object. Idempotent: asking again for a terminating object changes nothing, except
 * that a grace period may be shortened.
 *
 * @throws StatusError 404, 403 for a namespace that the cluster needs, or 409 Conflict when a precondition does not hold.
 */
export async function deleteObject(
  registry: Registry,
  request: WriteRequest,
  { name, options }: { name: string; options: DeleteOptions },
): Promise<Deletion> {
  const { resource } = request;
  checkPropagation(request, name, options);
  const key = storeKey(resource, request.namespace, name);
  const seen = registry.store.get(key);
  if (seen === undefined) throw notFound(resource, name);
  checkPreconditions(request, seen, options);
  checkMayBeDeleted(resource, name);
  await registry.admission.validate({ operation: "DELETE", request, name, oldObject: viewOf(resource, seen) });

  const current = registry.store.get(key);
  if (current === undefined) throw notFound(resource, name);
  checkPreconditions(request, current, options);
  const next = makeTerminating(registry, request, { current, options });
  if (next === undefined) {
    if (!request.dryRun) registry.store.remove(key, withOwnMetadata(current));
    await registry.acknowledge(resource);
    return { gone: successStatus(resource, name, current.metadata.uid) };
  }
  if (request.dryRun) return { terminating: viewOf(resource, next) };
  const stored = next === current ? current : registry.store.put(key, next);
  await registry.acknowledge(resource);
  return { terminating: viewOf(resource, stored) };
}

function checkPropagation({ resource }: WriteRequest, name: string, { propagationPolicy }: DeleteOptions): void {
  if (propagationPolicy === undefined || ["Background", "Foreground", "Orphan"].includes(propagationPolicy)) return;
  const detail = 'must be "Foreground", "Background" or "Orphan"';
  throw invalid({ ...resource, group: "meta.k8s.io", kind: "DeleteOptions" }, name, [
    invalidValue("propagationPolicy", propagationPolicy, detail),
  ]);
}

function checkPreconditions(
  { resource }: WriteRequest,
  current: ApiObject,
  { preconditions = {} }: DeleteOptions,
): void {
  const { uid, resourceVersion } = current.metadata;
  const name = current.metadata.name ?? "";
  if (preconditions.uid !== undefined && preconditions.uid !== uid) {
    const detail = `Precondition failed: UID in precondition: ${preconditions.uid}, UID in object meta: ${uid ?? ""}`;
    throw conflict(resource, name, detail);
  }
  if (preconditions.resourceVersion !== undefined && preconditions.resourceVersion !== resourceVersion) {
    const detail = `Precondition failed: ResourceVersion in precondition: ${preconditions.resourceVersion}, ResourceVersion in object meta: ${resourceVersion ?? ""}`;
    throw conflict(resource, name, detail);
  }
}

/** The object as it waits for its end; `undefined` when nothing holds it, the object itself when nothing changes. */
function makeTerminating(
  registry: Registry,
  { resource }: WriteRequest,
  { current, options }: { current: ApiObject; options: DeleteOptions },
): ApiObject | undefined {
  const isPending = current.metadata.deletionTimestamp !== undefined;
  const graceSeconds = graceSecondsFor(resource, current, options);
  const next = terminating(current, {
    finalizers: finalizersFor(resource, current, options),
    graceSeconds,
    deletionTimestamp: timestampOf(new Date(registry.now().getTime() + graceSeconds * 1000)),
  });
  if (graceSeconds === 0 && !isHeldBack(resource, next)) return undefined;
  if (isPending && (current.metadata.deletionGracePeriodSeconds ?? 0) === graceSeconds) return current;
  if (!isPending) resource.strategy.beginDeletion?.(next);
  return next;
}

/** A second deletion may only shorten the grace of the first. */
function graceSecondsFor({ strategy }: Resource, current: ApiObject, { gracePeriodSeconds }: DeleteOptions): number {
  const asked = strategy.graceSeconds?.(current, gracePeriodSeconds) ?? 0;
  const { deletionTimestamp, deletionGracePeriodSeconds = 0 } = current.metadata;
  return deletionTimestamp === undefined ? asked : Math.min(asked, deletionGracePeriodSeconds);
}

interface Termination {
  readonly finalizers: readonly string[];
  readonly graceSeconds: number;
  readonly deletionTimestamp: string;
}

function terminating(current: ApiObject, { finalizers, graceSeconds, deletionTimestamp }: Termination): ApiObject {
  const next = withOwnMetadata(current);
  const { metadata } = next;
  const isFirst = metadata.deletionTimestamp === undefined;
  if (isFirst && metadata.generation !== undefined) metadata.generation += 1;
  metadata.deletionTimestamp = deletionTimestamp;
  metadata.deletionGracePeriodSeconds = graceSeconds;
  if (finalizers.length === 0) delete metadata.finalizers;
  else metadata.finalizers = [...finalizers];
  return next;
}

/** How the dependants fare is decided by the first deletion. */
function finalizersFor({ strategy }: Resource, { metadata }: ApiObject, options: DeleteOptions): string[] {
  const { propagationPolicy = strategy.defaultPropagation } = options;
  const { finalizers = [], deletionTimestamp } = metadata;
  if (deletionTimestamp !== undefined || propagationPolicy === undefined) return finalizers;
  const kept = finalizers.filter((finalizer) => finalizer !== foregroundFinalizer && finalizer !== orphanFinalizer);
  if (propagationPolicy === "Foreground") return [...kept, foregroundFinalizer];
  if (propagationPolicy === "Orphan") return [...kept, orphanFinalizer];
  return kept;
}
