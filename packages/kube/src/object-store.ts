import type { KubeObject, ObjectKey } from "@kelvin/api";
import { keyOf, keyText } from "./object-key.ts";
import type { Change } from "./informer.ts";

type IndexFunction<T> = (object: T) => readonly string[];

/** Objects by key, namespace and index. Keeps no order. */
export interface ObjectStore<T extends KubeObject> {
  get(key: ObjectKey): T | undefined;
  list(namespace?: string): T[];
  byIndex(index: string, value: string): T[];
  /** Puts the object in place of its predecessor, which is returned. */
  put(object: T): T | undefined;
  remove(key: ObjectKey): T | undefined;
  /** Makes the store hold exactly these objects, and tells what that changed. */
  replace(objects: readonly T[]): Change<T>[];
}

/** Makes an empty store. @throws Error from `byIndex` when the index was not declared here. */
export function makeObjectStore<T extends KubeObject>(
  indexFunctions: Readonly<Record<string, IndexFunction<T>>> = {},
): ObjectStore<T> {
  const objects = new Map<string, T>();
  const byNamespace = makeIndex<T>((object) => [object.metadata.namespace ?? ""]);
  const indexes = new Map(Object.entries(indexFunctions).map(([name, valuesOf]) => [name, makeIndex(valuesOf)]));
  const allIndexes = [byNamespace, ...indexes.values()];

  const put = (object: T): T | undefined => {
    const key = keyText(keyOf(object));
    const before = remove(key);
    objects.set(key, object);
    for (const index of allIndexes) index.add(key, object);
    return before;
  };
  const remove = (key: string): T | undefined => {
    const before = objects.get(key);
    if (before === undefined) return undefined;
    objects.delete(key);
    for (const index of allIndexes) index.remove(key, before);
    return before;
  };

  return {
    get: (key) => objects.get(keyText(key)),
    list: (namespace) => (namespace === undefined ? [...objects.values()] : byNamespace.find(namespace)),
    byIndex(name, value) {
      const index = indexes.get(name);
      if (index === undefined) throw new Error(`the informer has no index "${name}"`);
      return index.find(value);
    },
    put,
    remove: (key) => remove(keyText(key)),
    replace(wanted) {
      const wantedKeys = new Set(wanted.map((object) => keyText(keyOf(object))));
      const goneKeys = [...objects.keys()].filter((key) => !wantedKeys.has(key));
      const gone = goneKeys.map((key) => ({ before: remove(key), after: undefined }));
      return [...gone, ...wanted.map((after) => ({ before: put(after), after }))];
    },
  };
}

interface Index<T> {
  add(key: string, object: T): void;
  remove(key: string, object: T): void;
  find(value: string): T[];
}

function makeIndex<T extends KubeObject>(valuesOf: IndexFunction<T>): Index<T> {
  const buckets = new Map<string, Map<string, T>>();
  return {
    add(key, object) {
      for (const value of valuesOf(object)) {
        const bucket = buckets.get(value);
        if (bucket === undefined) buckets.set(value, new Map([[key, object]]));
        else bucket.set(key, object);
      }
    },
    remove(key, object) {
      for (const value of valuesOf(object)) {
        const bucket = buckets.get(value);
        bucket?.delete(key);
        if (bucket?.size === 0) buckets.delete(value);
      }
    },
    find: (value) => [...(buckets.get(value)?.values() ?? [])],
  };
}
