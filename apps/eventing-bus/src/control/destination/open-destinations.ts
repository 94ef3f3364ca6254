import { resolveDestination } from "@kelvin/api/duck";
import type { Log } from "@kelvin/controller";
import { keyText, parseKey, type Clock, type KubeClient, type ObjectKey } from "@kelvin/kube";
import type { Destinations, Lookup, Tracker } from "./destinations.ts";
import { openWatchedKinds, type Asker, type WatchedKinds } from "./watched-kinds.ts";

export interface DestinationsOptions {
  readonly kube: Pick<KubeClient, "find" | "list" | "watch">;
  readonly clock: Clock;
  readonly log: Log;
  /** Default `cluster.local`. */
  readonly clusterDomain?: string;
  /** Kinds watched at once. Default 64. */
  readonly kindsMax?: number;
  /** How long a kind stays watched after nobody asks for it any more. Default 5 min. */
  readonly idleMs?: number;
}

/** A question waits for this long while a kind is read for the first time. */
const patienceMs = 5_000;

/** Starts with nothing watched. Forbidden and unknown kinds are problems of those who ask for them, never errors. */
export function openDestinations(options: DestinationsOptions): Destinations {
  const { kube, clock, log, clusterDomain = "cluster.local", kindsMax = 64, idleMs = 5 * 60_000 } = options;
  const kinds = openWatchedKinds({ kube, clock, log, kindsMax, idleMs, patienceMs });
  return {
    openTracker: () => openTracker(kinds, clusterDomain),
    close: () => kinds.close(),
  };
}

/** One object of the controller, and what it asked for. */
interface Asking extends Asker {
  held: Set<string>;
  noting: Set<string>;
}

function openTracker(kinds: WatchedKinds, clusterDomain: string): Tracker {
  const askings = new Map<string, Asking>();
  const listeners = new Set<(key: ObjectKey) => void>();
  const wake = (text: string): void => {
    for (const listener of listeners) listener(parseKey(text));
  };
  const settle = (asking: Asking, kept: Set<string>): void => {
    for (const refId of asking.held) if (!kept.has(refId)) kinds.release(refId, asking);
    asking.held = kept;
  };
  const askingOf = (text: string): Asking => {
    const known = askings.get(text);
    if (known !== undefined) return known;
    const asking: Asking = {
      held: new Set(),
      noting: new Set(),
      wake: () => wake(text),
      note: (refId) => asking.noting.add(refId),
    };
    askings.set(text, asking);
    return asking;
  };

  return {
    wakes: {
      synced: Promise.resolve(),
      subscribe(enqueue) {
        listeners.add(enqueue);
        return () => listeners.delete(enqueue);
      },
    },
    async asking(key, run) {
      const asking = askingOf(keyText(key));
      asking.noting = new Set();
      try {
        const result = await run(lookupFor(asking, kinds, clusterDomain));
        settle(asking, asking.noting);
        return result;
      } catch (error) {
        settle(asking, new Set([...asking.held, ...asking.noting]));
        throw error;
      }
    },
    forget(key) {
      const text = keyText(key);
      const asking = askings.get(text);
      if (asking === undefined) return;
      settle(asking, new Set());
      askings.delete(text);
    },
  };
}

function lookupFor(asker: Asker, kinds: WatchedKinds, clusterDomain: string): Lookup {
  return {
    find: (ref) => kinds.find(ref, asker),
    async resolve(destination) {
      const { ref } = destination;
      if (ref === undefined) return resolveDestination(destination, { clusterDomain });
      const found = await kinds.find(ref, asker);
      return found.ok ? resolveDestination(destination, { target: found.object, clusterDomain }) : found;
    },
  };
}
