import type { ApiObject, ManagedFieldsEntry, Metadata } from "../api-object.ts";
import { equalJson } from "../api-object.ts";
import { type FieldOwner, trackUpdate } from "../apply/managed-fields.ts";
import type { Resource } from "../resource.ts";
import { apiVersionOf, isHeldBack, storableOf, viewOf } from "../resource.ts";
import { badRequest, conflict, invalid, notFound } from "../status-error.ts";
import { storeKey } from "./create.ts";
import { decodeObject } from "./decode.ts";
import { timestampOf, validateMetadata, validateNewFinalizers } from "./metadata.ts";
import type { Registry, WriteRequest } from "./request.ts";

/** How an update is put together from what is stored. */
export interface UpdateSource {
  readonly name: string;
  /** The wanted object; called again when somebody else wrote in between. */
  produce(current: ApiObject): unknown;
  /** PUT replaces, so kinds that ask for it need a resourceVersion; a patch is made from the current object. */
  readonly isReplace: boolean;
}

const attemptsMax = 10;

/**
 * Replaces an object, or its status, by what `source` makes of it, and returns it as stored. A write that changes nothing
 * stores nothing. Removing the last finalizer of a terminating object removes the object.
 *
 * @throws StatusError 404, 409 Conflict when the body names another resourceVersion or uid, 422 Invalid, or what admission says.
 */
export async function updateObject(
  registry: Registry,
  request: WriteRequest,
  source: UpdateSource,
): Promise<ApiObject> {
  const { resource } = request;
  const key = storeKey(resource, request.namespace, source.name);
  for (let attempt = 1; ; attempt++) {
    const current = registry.store.get(key);
    if (current === undefined) throw notFound(resource, source.name);
    const view = viewOf(resource, current);
    const wanted = decodeObject(request, source.produce(view));
    const isConditional = checkIdentity(request, source, { wanted, view });
    const next = await admitUpdate(registry, request, { wanted, view });
    if (registry.store.get(key) === current) return commitUpdate(registry, request, { current: view, next });
    if (isConditional || attempt === attemptsMax) throw conflict(resource, source.name);
  }
}

interface WantedUpdate {
  readonly wanted: ApiObject;
  readonly view: ApiObject;
}

/** Whether the body asks for one exact resourceVersion. */
function checkIdentity(request: WriteRequest, source: UpdateSource, { wanted, view }: WantedUpdate): boolean {
  const { resource } = request;
  const { metadata } = wanted;
  checkName(request, source, wanted);
  if (metadata.uid !== undefined && metadata.uid !== view.metadata.uid) {
    const detail = `Precondition failed: UID in precondition: ${metadata.uid}, UID in object meta: ${view.metadata.uid ?? ""}`;
    throw conflict(resource, source.name, detail);
  }
  if (metadata.resourceVersion === undefined) {
    if (!source.isReplace || resource.strategy.allowsUnconditionalUpdate) return false;
    const message = "Invalid value: 0x0: must be specified for an update";
    throw invalid(resource, source.name, [{ reason: "FieldValueInvalid", message, field: "metadata.resourceVersion" }]);
  }
  if (metadata.resourceVersion !== view.metadata.resourceVersion) throw conflict(resource, source.name);
  // A patch carries the version it was made from along; only a version in the patch itself makes it conditional,
  // and that one differs from what is stored at the next attempt.
  return source.isReplace;
}

function checkName({ resource, namespace }: WriteRequest, { name }: UpdateSource, { metadata }: ApiObject): void {
  if (metadata.name !== undefined && metadata.name !== name) {
    throw badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${name})`);
  }
  if (resource.namespaced && metadata.namespace !== undefined && metadata.namespace !== namespace) {
    throw badRequest("the namespace of the provided object does not match the namespace sent on the request");
  }
}

async function admitUpdate(
  registry: Registry,
  request: WriteRequest,
  { wanted, view }: WantedUpdate,
): Promise<ApiObject> {
  const { resource } = request;
  const name = view.metadata.name ?? "";
  prepareUpdate(request, wanted, view);
  const mutated = await registry.admission.mutate({
    operation: "UPDATE",
    request,
    name,
    object: wanted,
    oldObject: view,
  });
  const next = mutated === wanted ? wanted : decodeObject(request, mutated);
  if (mutated !== wanted) prepareUpdate(request, next, view);
  const causes = [
    ...validateMetadata(resource, next),
    ...validateNewFinalizers(view.metadata, next.metadata),
    ...(resource.strategy.validate?.(next, view) ?? []),
  ];
  if (causes.length > 0) throw invalid(resource, name, causes);
  await registry.admission.validate({ operation: "UPDATE", request, name, object: next, oldObject: view });
  return next;
}

/** Restores what a client cannot change: identity, system fields, and the other side of the status border. */
function prepareUpdate({ resource, subresource }: WriteRequest, next: ApiObject, old: ApiObject): void {
  if (subresource === "status") keepAllButStatus(next, old);
  else if (resource.hasStatus) copyField(next, old, "status");
  restoreSystemFields(next, old);
  if (subresource === undefined) resource.strategy.prepareUpdate?.(next, old);
  if (!resource.strategy.hasGeneration) return;
  const generation = old.metadata.generation ?? 1;
  next.metadata.generation = isSpecEqual(resource, next, old) ? generation : generation + 1;
}

// Upstream lets a status write carry labels, annotations, finalizers and owners only for some kinds; Kelvin and Knative's
// clients send them unchanged, so keeping the stored ones is right for all.
function keepAllButStatus(next: ApiObject, old: ApiObject): void {
  const status = next["status"];
  const { managedFields } = next.metadata;
  for (const field of Object.keys(next)) if (field !== "metadata") delete next[field];
  const metadata = { ...old.metadata, ...(managedFields !== undefined && { managedFields }) };
  Object.assign(next, old, { metadata });
  if (status === undefined) delete next["status"];
  else next["status"] = status;
}

function copyField(next: ApiObject, old: ApiObject, field: string): void {
  if (old[field] === undefined) delete next[field];
  else next[field] = old[field];
}

function restoreSystemFields(next: ApiObject, old: ApiObject): void {
  const { metadata } = next;
  const before = old.metadata;
  next.metadata = {
    ...metadata,
    ...pick(before, ["name", "namespace", "uid", "generateName", "resourceVersion", "creationTimestamp", "generation"]),
  };
  // Whoever sends no owners has no opinion on them; one empty entry (read as an empty list) is the wish to forget them.
  if (metadata.managedFields === undefined) Object.assign(next.metadata, pick(before, ["managedFields"]));
  for (const field of ["deletionTimestamp", "deletionGracePeriodSeconds"] as const) {
    delete next.metadata[field];
    Object.assign(next.metadata, pick(before, [field]));
  }
}

function pick<T extends object, K extends keyof T>(source: T, fields: readonly K[]): Partial<Pick<T, K>> {
  const picked: Partial<Pick<T, K>> = {};
  for (const field of fields) if (source[field] !== undefined) picked[field] = source[field];
  return picked;
}

/** Whether all but metadata (and status, where it is a subresource) is the same. */
function isSpecEqual(resource: Resource, next: ApiObject, old: ApiObject): boolean {
  const fields = new Set([...Object.keys(next), ...Object.keys(old)]);
  fields.delete("metadata");
  fields.delete("apiVersion");
  if (resource.hasStatus) fields.delete("status");
  return [...fields].every((field) => equalJson(next[field], old[field]));
}

async function commitUpdate(
  registry: Registry,
  request: WriteRequest,
  { current, next }: { current: ApiObject; next: ApiObject },
): Promise<ApiObject> {
  const { resource, dryRun } = request;
  // A status write shares the frozen spec, and addresses are not its business.
  if (request.subresource === undefined) resource.strategy.allocate?.(next, current, { store: registry.store });
  // Nothing to store, and yet to wait for: whoever wrote it before may still be waiting for the disk.
  if (isUnchanged(next, current)) return acknowledged(registry, request, current);
  const { metadata } = next;
  // Only objects that were applied server-side have owners to keep account of.
  if (metadata.managedFields !== undefined && request.ownsFields !== true) {
    setOwners(metadata, trackUpdate(resource, { current, next }, ownerOf(registry, request)));
  }
  if (dryRun) return next;
  const key = storeKey(resource, metadata.namespace, metadata.name ?? "");
  const storable = storableOf(resource, next);
  const isTerminating = metadata.deletionTimestamp !== undefined && (metadata.deletionGracePeriodSeconds ?? 0) === 0;
  const isFinished = isTerminating && !isHeldBack(resource, next);
  const stored = isFinished ? registry.store.remove(key, storable) : registry.store.put(key, storable);
  return acknowledged(registry, request, stored);
}

async function acknowledged(registry: Registry, request: WriteRequest, stored: ApiObject): Promise<ApiObject> {
  if (!request.dryRun) await registry.acknowledge(request.resource);
  return viewOf(request.resource, stored);
}

function ownerOf(registry: Registry, request: WriteRequest): { owner: FieldOwner; time: string } {
  const { resource, fieldManager = controlPlaneManager, subresource = "" } = request;
  return {
    owner: { manager: fieldManager, operation: "Update", apiVersion: apiVersionOf(resource), subresource },
    time: timestampOf(registry.now()),
  };
}

const controlPlaneManager = "kelvin-control-plane";

function setOwners(metadata: Metadata, entries: ManagedFieldsEntry[]): void {
  if (entries.length === 0) delete metadata.managedFields;
  else metadata.managedFields = entries;
}

// Go writes `status: {}` for kinds whose clients never set it.
function isUnchanged(next: ApiObject, current: ApiObject): boolean {
  if (equalJson(next, current)) return true;
  const isEmptyStatus = (status: unknown): boolean => status === undefined || equalJson(status, {});
  if (!isEmptyStatus(next["status"]) || !isEmptyStatus(current["status"])) return false;
  return equalJson({ ...next, status: {} }, { ...current, status: {} });
}
