import { randomUUID } from "node:crypto";
import type { ApiObject } from "../api-object.ts";
import type { Resource } from "../resource.ts";
import { storableOf, viewOf } from "../resource.ts";
import { alreadyExists, badRequest, generatedNameTaken, invalid } from "../status-error.ts";
import { decodeObject } from "./decode.ts";
import { generateName, timestampOf, validateMetadata } from "./metadata.ts";
import { checkNamespace } from "./namespace-lifecycle.ts";
import type { Registry, WriteRequest } from "./request.ts";

const generatedNameTries = 8;

/**
 * Stores a new object and returns it as stored. Resolves when it would survive a crash.
 *
 * @throws StatusError 409 AlreadyExists, 422 Invalid, 403 or 404 for its namespace, or what admission says.
 */
export async function createObject(registry: Registry, request: WriteRequest, body: unknown): Promise<ApiObject> {
  const { resource } = request;
  const decoded = decodeObject(request, body);
  if (decoded.metadata.resourceVersion !== undefined) {
    throw badRequest("resourceVersion should not be set on objects to be created");
  }
  placeInNamespace(request, decoded);
  const generatePrefix = decoded.metadata.name === undefined ? decoded.metadata.generateName : undefined;
  if (generatePrefix !== undefined) decoded.metadata.name = generateName(generatePrefix);
  checkNamespace(registry, request, decoded);

  const name = decoded.metadata.name ?? "";
  const mutated = await registry.admission.mutate({ operation: "CREATE", request, name, object: decoded });
  const object = mutated === decoded ? decoded : decodeObject(request, mutated);
  prepareNew(registry, resource, object);
  if (request.ownsFields !== true) delete object.metadata.managedFields;
  checkValid(resource, object);
  await registry.admission.validate({ operation: "CREATE", request, name, object });

  if (generatePrefix !== undefined) takeFreeName(registry, resource, { object, prefix: generatePrefix });
  return commitNew(registry, request, object);
}

function placeInNamespace(request: WriteRequest, object: ApiObject): void {
  const { metadata } = object;
  if (!request.resource.namespaced) {
    delete metadata.namespace;
    return;
  }
  if (request.namespace === "") throw badRequest("an empty namespace may not be set during creation");
  if (metadata.namespace !== undefined && metadata.namespace !== request.namespace) {
    throw badRequest("the namespace of the provided object does not match the namespace sent on the request");
  }
  metadata.namespace = request.namespace;
}

function prepareNew(registry: Registry, resource: Resource, object: ApiObject): void {
  const { metadata } = object;
  metadata.uid = randomUUID();
  metadata.creationTimestamp = timestampOf(registry.now());
  delete metadata.deletionTimestamp;
  delete metadata.deletionGracePeriodSeconds;
  delete metadata.generation;
  if (resource.strategy.hasGeneration) metadata.generation = 1;
  if (resource.hasStatus) delete object["status"];
  const { finalizer } = resource.strategy;
  if (finalizer !== undefined) metadata.finalizers = [...(metadata.finalizers ?? []), finalizer];
  resource.strategy.prepareCreate?.(object);
}

function checkValid(resource: Resource, object: ApiObject): void {
  const causes = [...validateMetadata(resource, object), ...(resource.strategy.validate?.(object, undefined) ?? [])];
  if (causes.length > 0) throw invalid(resource, object.metadata.name ?? "", causes);
}

// The name was generated before admission saw the object; in the meantime somebody may have taken it.
function takeFreeName(registry: Registry, resource: Resource, options: { object: ApiObject; prefix: string }): void {
  const { object, prefix } = options;
  for (let tries = 1; isTaken(registry, resource, object); tries++) {
    if (tries === generatedNameTries) throw generatedNameTaken(resource, object.metadata.name ?? "");
    object.metadata.name = generateName(prefix);
  }
}

function isTaken(registry: Registry, resource: Resource, { metadata }: ApiObject): boolean {
  return registry.store.get(storeKey(resource, metadata.namespace, metadata.name ?? "")) !== undefined;
}

async function commitNew(registry: Registry, request: WriteRequest, object: ApiObject): Promise<ApiObject> {
  const { resource } = request;
  const { metadata } = object;
  const existing = registry.store.get(storeKey(resource, metadata.namespace, metadata.name ?? ""));
  if (existing !== undefined) {
    const isTerminating = existing.metadata.deletionTimestamp !== undefined;
    throw alreadyExists(resource, metadata.name ?? "", isTerminating ? "object is being deleted: " : "");
  }
  // The namespace may have begun to terminate while admission was asked.
  checkNamespace(registry, request, object);
  resource.strategy.allocate?.(object, undefined, { store: registry.store });
  if (request.dryRun) return object;
  const key = storeKey(resource, metadata.namespace, metadata.name ?? "");
  const stored = registry.store.put(key, storableOf(resource, object));
  await registry.acknowledge(resource);
  return viewOf(resource, stored);
}

export function storeKey(
  resource: Resource,
  namespace: string | undefined,
  name: string,
): { type: string; namespace: string; name: string } {
  return { type: resource.storageType, namespace: resource.namespaced ? (namespace ?? "") : "", name };
}

/** A shallow, mutable copy of an object with metadata of its own. */
export function withOwnMetadata(object: ApiObject): ApiObject {
  return { ...object, metadata: { ...object.metadata } };
}
