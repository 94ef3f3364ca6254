import { keyOf, type KubeObject, type ObjectKey } from "@kelvin/api";
import type { WatchSource } from "@kelvin/controller";
import type { Informer } from "@kelvin/kube";
import type { BusWatch } from "./bus-watch/bus-watch.ts";
import { indexes } from "./informer-indexes.ts";

/**
 * Wakes the objects of which a bus has news, and all of them when a bus comes, goes or gets into trouble. They must have the index
 * `uid`. `keysOf`: whom an object's news concern; default: the object itself.
 */
export function wokenByBus<T extends KubeObject>(
  buses: Pick<BusWatch, "synced" | "onChange">,
  informer: Informer<T>,
  keysOf: (object: T) => readonly ObjectKey[] = (object) => [keyOf(object)],
): WatchSource {
  const listeners = new Set<(key: ObjectKey) => void>();
  buses.onChange((uids, changedBuses) => {
    if (listeners.size === 0) return;
    const isAll = changedBuses.size > 0;
    const concerned = isAll ? informer.list() : [...uids].flatMap((uid) => informer.byIndex(indexes.uid, uid));
    for (const object of concerned) {
      for (const key of keysOf(object)) for (const listener of listeners) listener(key);
    }
  });
  return {
    synced: Promise.all([buses.synced, informer.synced]).then(() => undefined),
    subscribe(enqueue) {
      listeners.add(enqueue);
      return () => listeners.delete(enqueue);
    },
  };
}
