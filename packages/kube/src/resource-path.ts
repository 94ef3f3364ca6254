import type { Kind, KubeObject, ObjectKey } from "@kelvin/api";
import { InvalidError } from "./errors.ts";

/**
 * As in @kelvin/api, of which only types may be imported here: its values bring a schema library along, which costs every
 * process time and memory, and the local cluster must not depend on it.
 */
export function apiVersionOf(kind: Pick<Kind, "group" | "version">): string {
  return kind.group === "" ? kind.version : `${kind.group}/${kind.version}`;
}

/** The URL path of a collection: all namespaces when `namespace` is absent or the kind is cluster-scoped. */
export function collectionPath<T extends KubeObject>(kind: Kind<T>, namespace?: string): string {
  const root = kind.group === "" ? `/api/${kind.version}` : `/apis/${kind.group}/${kind.version}`;
  const scope = kind.namespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : "";
  return `${root}${scope}/${kind.plural}`;
}

/** The URL path of one object or its subresource. @throws InvalidError when the key lacks what the kind needs. */
export function objectPath<T extends KubeObject>(kind: Kind<T>, key: ObjectKey, subresource?: string): string {
  requireKey(kind, key);
  const suffix = subresource === undefined ? "" : `/${subresource}`;
  return `${collectionPath(kind, key.namespace)}/${encodeURIComponent(key.name)}${suffix}`;
}

function requireKey<T extends KubeObject>(kind: Kind<T>, key: ObjectKey): void {
  if (key.name === "") throw new InvalidError(`${kind.kind}: resource name may not be empty`, badRequest);
  if (kind.namespaced) requireNamespace(kind, key.namespace);
}

/** Namespaced kinds are created, read and written in one namespace. @throws InvalidError without it. */
export function requireNamespace<T extends KubeObject>(kind: Kind<T>, namespace: string | undefined): void {
  if (kind.namespaced && (namespace === undefined || namespace === "")) {
    throw new InvalidError(`${kind.kind}: an empty namespace may not be set`, badRequest);
  }
}

const badRequest = { reason: "BadRequest", code: 400 };

/** A query string with its `?`, or nothing; undefined values are left out. */
export function queryText(parameters: Readonly<Record<string, string | number | boolean | undefined>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) query.set(name, String(value));
  const text = query.toString();
  return text === "" ? "" : `?${text}`;
}
