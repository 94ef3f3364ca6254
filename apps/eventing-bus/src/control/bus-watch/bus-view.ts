import type { BusReport, ServedConsumer, ServedStream } from "../../model/report.ts";
import type { BusView, ServedView } from "./bus-watch.ts";

/** A replica that has joined its bus. */
export interface Replica {
  readonly pod: string;
  /** What it said last; undefined: it is ready, and has not been heard yet. */
  readonly report: BusReport | undefined;
  readonly isSilent: boolean;
}

/** What the replicas of one bus say together. A replica that was not heard yet leaves nothing known of anything. */
export function makeBusView(replicas: readonly Replica[]): BusView {
  const silent = replicas.filter(({ isSilent }) => isSilent).map(({ pod }) => pod);
  const trouble = replicas.find(({ report }) => (report?.trouble ?? null) !== null)?.report?.trouble?.reason;
  const viewOf = (uid: string, kind: "streams" | "consumers"): ServedView | undefined =>
    combine(replicas.map(({ report }) => report?.[kind][uid]));
  return {
    replicas: replicas.length,
    silent,
    ...(trouble === undefined ? {} : { trouble }),
    stream: (uid) => viewOf(uid, "streams"),
    consumer: (uid) => viewOf(uid, "consumers"),
  };
}

function combine(all: readonly (ServedStream | ServedConsumer | undefined)[]): ServedView | undefined {
  const served = all.filter((one) => one !== undefined);
  if (served.length === 0 || served.length < all.length) return undefined;
  const failed = served.find(({ state }) => state === "failed");
  const isRemoved = served.every(({ state }) => state === "removed");
  const consumers = served.filter((one): one is ServedConsumer => "since" in one);
  return {
    generation: Math.min(...served.map(({ generation }) => generation)),
    state: failed === undefined ? (isRemoved ? "removed" : "serving") : "failed",
    message: failed?.message ?? "",
    since: consumers.find(({ since }) => since !== null)?.since ?? null,
    // Dead letters are the bus's: every replica tells the same. What waits, each knows for itself.
    deadLetters: Math.max(0, ...consumers.map(({ deadLetters }) => deadLetters)),
    backlog: consumers.reduce((sum, { backlog }) => sum + backlog, 0),
  };
}
