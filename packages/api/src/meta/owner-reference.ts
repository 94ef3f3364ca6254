import { apiVersionOf, type Kind } from "./kind.ts";
import type { KubeObject, ObjectKey, OwnerReference } from "./object-meta.ts";

/**
 * The reference that makes `owner` the controller of a child: the child is deleted with it.
 * `owner` must come from the API server, for it needs name and uid.
 */
export function makeOwnerReference(kind: Kind, owner: KubeObject): OwnerReference {
  const { name, uid } = owner.metadata;
  if (name === undefined || uid === undefined) {
    throw new TypeError(`a ${kind.kind} without name or uid cannot own anything`);
  }
  return { apiVersion: apiVersionOf(kind), kind: kind.kind, name, uid, controller: true, blockOwnerDeletion: true };
}

/** The reference to the one owner that manages the object, if there is one. */
export function controllerOf(object: KubeObject): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((reference) => reference.controller === true);
}

/** Whether exactly this incarnation of `owner` manages the object. */
export function isControlledBy(object: KubeObject, owner: KubeObject): boolean {
  const uid = controllerOf(object)?.uid;
  return uid !== undefined && uid === owner.metadata.uid;
}

/** Namespace and name of an object that has been named. @throws TypeError when it has no name yet. */
export function keyOf(object: KubeObject): ObjectKey {
  const { namespace, name } = object.metadata;
  if (name === undefined) throw new TypeError(`a ${object.kind ?? "object"} without a name has no key`);
  return namespace === undefined ? { name } : { namespace, name };
}
