import type { ServedView } from "./bus-watch/bus-watch.ts";

/** What goes with objects that are being deleted: how many events waited for them, as their bus said last. One for each controller. */
export interface Departures {
  /** Undefined: the bus says nothing. */
  see(uid: string, served: Pick<ServedView, "backlog" | "deadLetters"> | undefined): void;
  /** The object goes now and is forgotten. Gives the end of a sentence about it, empty when nothing went with it. */
  depart(uid: string): string;
}

/** Starts with nothing seen. */
export function makeDepartures(): Departures {
  const seen = new Map<string, { backlog: number; deadLetters: number }>();
  return {
    see(uid, served) {
      // A bus that has removed all of it says zero.
      const { backlog, deadLetters } = seen.get(uid) ?? { backlog: 0, deadLetters: 0 };
      seen.set(uid, {
        backlog: Math.max(backlog, served?.backlog ?? 0),
        deadLetters: Math.max(deadLetters, served?.deadLetters ?? 0),
      });
    },
    depart(uid) {
      const { backlog = 0, deadLetters = 0 } = seen.get(uid) ?? {};
      seen.delete(uid);
      if (backlog === 0 && deadLetters === 0) return "";
      return `; with it went ${backlog} events that waited and ${deadLetters} dead letters`;
    },
  };
}
