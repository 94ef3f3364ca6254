import type { BusView, BusWatch, ServedView } from "../src/control/bus-watch/bus-watch.ts";

/** Something that every replica serves in its first generation. */
export function served(changes: Partial<ServedView> = {}): ServedView {
  return { generation: 1, state: "serving", message: "", since: null, deadLetters: 0, backlog: 0, ...changes };
}

/** A bus of one replica that serves these streams and consumers, by uid. */
export function busView(
  all: Readonly<Record<string, ServedView>>,
  changes: Partial<Pick<BusView, "replicas" | "silent" | "trouble">> = {},
): BusView {
  return { replicas: 1, silent: [], stream: (uid) => all[uid], consumer: (uid) => all[uid], ...changes };
}

/** Buses that are what a test says, until it says otherwise. */
export function fakeBuses(views: Record<string, BusView> = {}) {
  const current = new Map(Object.entries(views));
  const listeners = new Set<Parameters<BusWatch["onChange"]>[0]>();
  const watch: BusWatch = {
    synced: Promise.resolve(),
    find: (bus) => current.get(bus),
    names: () => [...current.keys()].toSorted(),
    onChange: (listener) => void listeners.add(listener),
    close: () => Promise.resolve(),
  };
  return {
    watch,
    /** What a bus says from now on; undefined: it is gone. `uids` are those of which it has news. */
    set(bus: string, view: BusView | undefined, uids: readonly string[] = []): void {
      const comesOrGoes = current.has(bus) !== (view !== undefined);
      if (view === undefined) current.delete(bus);
      else current.set(bus, view);
      for (const listener of listeners) listener(new Set(uids), new Set(comesOrGoes ? [bus] : []));
    },
  };
}
