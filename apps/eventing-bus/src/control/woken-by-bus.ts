import { keyOf, type KubeObject, type ObjectKey } from "@kelvin/api";
import type { WatchSource } from "@kelvin/controller";
import type { Informer } from "@kelvin/kube";
import { isClusterBusId } from "../model/names.ts";
import type { BusWatch } from "./bus-watch/bus-watch.ts";
import { indexes } from "./informer-indexes.ts";

/** Whom news of a bus concern. */
export interface Concerned<T extends KubeObject> {
  /** Whom an object's news concern. Default: the object itself. */
  readonly keysOf?: (object: T) => readonly ObjectKey[];
  /**
   * The objects that a bus which comes, goes or gets into trouble concerns. Default: all for a ClusterBus, none for a Bus, which
   * serves no modern kinds, and which whoever may make Pods in its namespace can have come and go.
   */
  readonly servedBy?: (bus: string) => readonly T[];
}

/** Wakes the objects of which a bus has news, and those of a bus that comes, goes or gets into trouble. They must have the index `uid`. */
export function wokenByBus<T extends KubeObject>(
  buses: Pick<BusWatch, "synced" | "onChange">,
  informer: Informer<T>,
  { keysOf = (object) => [keyOf(object)], servedBy }: Concerned<T> = {},
): WatchSource {
  const listeners = new Set<(key: ObjectKey) => void>();
  const ofBus = servedBy ?? ((bus: string) => (isClusterBusId(bus) ? informer.list() : []));
  buses.onChange((uids, changedBuses) => {
    if (listeners.size === 0) return;
    const ofBuses = [...changedBuses].flatMap(ofBus);
    const ofUids = [...uids].flatMap((uid) => informer.byIndex(indexes.uid, uid));
    for (const object of new Set([...ofBuses, ...ofUids])) {
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
