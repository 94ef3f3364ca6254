import type { BusView, BusWatch, ServedView } from "./bus-watch/bus-watch.ts";

// What may be said of a stream or a consumer, by what the replicas of its bus say of it.

/** How it stands. Every message is a sentence that names the bus. */
export type Serving =
  /** Every replica that is not terminating serves this generation. */
  | { readonly kind: "serving"; readonly served: ServedView }
  /** It will be served, as far as anybody knows. */
  | { readonly kind: "waiting"; readonly message: string }
  /** It cannot be served. */
  | { readonly kind: "failed"; readonly message: string }
  /** There is no such bus. */
  | { readonly kind: "absent"; readonly message: string };

/** What is asked about. */
export interface ServingQuestion {
  readonly buses: Pick<BusWatch, "find" | "names">;
  readonly bus: string;
  readonly what: "stream" | "consumer";
  readonly uid: string;
  /** Of the object's spec. */
  readonly generation: number;
}

/** Decides it. Pure: ask again when the bus has news. */
export function decideServing({ buses, bus, what, uid, generation }: ServingQuestion): Serving {
  const view = buses.find(bus);
  if (view === undefined) {
    const others = buses.names().join(", ") || "none";
    return { kind: "absent", message: `No replica of bus "${bus}" is known; buses that are there: ${others}` };
  }
  // A broker that is away accepts nothing, whatever was provisioned there.
  if (view.trouble !== undefined) {
    return { kind: "failed", message: `Bus "${bus}" cannot reach its broker: ${view.trouble}` };
  }
  const served = view[what](uid);
  if (served?.state === "failed") return { kind: "failed", message: `Bus "${bus}" failed: ${served.message}` };
  if (served?.state === "serving" && served.generation >= generation) return { kind: "serving", served };
  return { kind: "waiting", message: waitingMessage(bus, view) };
}

function waitingMessage(bus: string, { silent }: BusView): string {
  const waiting = `Not every replica of bus "${bus}" serves this generation yet`;
  return silent.length === 0 ? waiting : `${waiting}; these do not answer: ${silent.join(", ")}`;
}
