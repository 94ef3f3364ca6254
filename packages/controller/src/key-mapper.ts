import type { Kind, KubeObject, ObjectKey } from "@kelvin/api";
import type { Informer } from "@kelvin/kube";

/** Which keys of the controller's kind a changed object concerns. Pure; called with the object before and after. */
export type KeyMapper<T extends KubeObject> = (object: T) => readonly ObjectKey[];

/** Another kind whose changes wake a controller. Made by `watching`. */
export interface WatchSource {
  readonly synced: Promise<void>;
  /** Calls `enqueue` for each key that a change concerns. Returns the unsubscriber. */
  subscribe(enqueue: (key: ObjectKey) => void): () => void;
}

/** Makes changes of what `informer` holds wake the keys that `mapper` names. */
export function watching<T extends KubeObject>(informer: Informer<T>, mapper: KeyMapper<T>): WatchSource {
  return {
    synced: informer.synced,
    subscribe: (enqueue) =>
      informer.onChange(({ before, after }) => {
        for (const object of [before, after]) {
          if (object !== undefined) for (const key of mapper(object)) enqueue(key);
        }
      }),
  };
}

/** Wakes the owner of this kind that controls the object. */
export function enqueueOwner(kind: Kind): KeyMapper<KubeObject> {
  return ({ metadata }) => {
    const owner = metadata.ownerReferences?.find((reference) => reference.controller === true);
    if (owner?.kind !== kind.kind || groupOf(owner.apiVersion) !== kind.group) return [];
    return [keyIn(kind.namespaced ? metadata.namespace : undefined, owner.name)];
  };
}

/** Wakes the object of the same namespace that the label names. */
export function enqueueByLabel(label: string): KeyMapper<KubeObject> {
  return ({ metadata }) => {
    const name = metadata.labels?.[label];
    return name === undefined || name === "" ? [] : [keyIn(metadata.namespace, name)];
  };
}

function keyIn(namespace: string | undefined, name: string): ObjectKey {
  return namespace === undefined ? { name } : { namespace, name };
}

function groupOf(apiVersion: string): string {
  const slash = apiVersion.indexOf("/");
  return slash < 0 ? "" : apiVersion.slice(0, slash);
}
