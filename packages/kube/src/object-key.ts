import type { KubeObject, ObjectKey } from "@kelvin/api";

/** The key as one string: `namespace/name`, or `name` for cluster-scoped objects. */
export function keyText(key: ObjectKey): string {
  return key.namespace === undefined || key.namespace === "" ? key.name : `${key.namespace}/${key.name}`;
}

/** The inverse of `keyText`. */
export function parseKey(text: string): ObjectKey {
  const slash = text.indexOf("/");
  return slash < 0 ? { name: text } : { namespace: text.slice(0, slash), name: text.slice(slash + 1) };
}

/** The key of an object that has a name. */
export function keyOf(object: KubeObject): ObjectKey {
  const { namespace, name = "" } = object.metadata;
  return namespace === undefined || namespace === "" ? { name } : { namespace, name };
}
