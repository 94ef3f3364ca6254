import type { KubeObject } from "@kelvin/api";
import type { Change } from "@kelvin/testkit";

/** The object, changed. */
export function changed<T extends KubeObject>(object: T, changes: readonly Change<T>[]): T {
  for (const change of changes) change(object);
  return object;
}

/** Metadata in the namespace `default`, with a uid that tells kind and name. */
export function metadataOf(kind: string, name: string) {
  return { name, namespace: "default", uid: `uid-${kind}-${name}`, generation: 1 };
}
