/** One line of what happened to an event for a consumer. */
export interface LedgerEntry {
  readonly atMs: number;
  readonly consumerId: string;
  /** `source` and `id` of the event; empty for a payload that is no event. */
  readonly source: string;
  readonly id: string;
  readonly what:
    | "attempt"
    | "delivered"
    | "parked"
    | "dead-lettered"
    | "stored"
    | "reply"
    | "deferred"
    | "dropped"
    | "aging";
  /** The status of an answer, a reason, a wait: for people. */
  readonly detail: string;
}
