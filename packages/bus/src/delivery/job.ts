import type { EventInHand } from "./event-in-hand.ts";

/** One event on its way to one consumer. */
export interface Job {
  readonly hand: EventInHand;
  readonly consumerId: string;
  /** Attempts that were made. */
  readonly attempts: number;
  /** How often in a row it was put off without an attempt: no slot, no address. */
  readonly deferrals: number;
  /** Whether it has a turn within its consumer's rate (`Gate.enter`). */
  readonly hasTurn: boolean;
  /** Not to be attempted before: milliseconds since 1970. */
  readonly notBeforeMs: number;
}

/** An event that was just read. */
export function newJob(hand: EventInHand, consumerId: string): Job {
  return { hand, consumerId, attempts: 0, deferrals: 0, hasTurn: false, notBeforeMs: 0 };
}

/** What one step of a job led to. */
export type StepResult =
  /** The job is over, and that is durable. */
  | { readonly kind: "ended"; readonly ending: Ending }
  /** It is to be tried again as `job`, which knows when. `isDeferred`: nothing was attempted, and it has no turn. */
  | { readonly kind: "again"; readonly job: Job; readonly isDeferred: boolean }
  /** The engine is closing: the record goes back to the bus as it was. */
  | { readonly kind: "given-up" };

/** How an event ended for a consumer. `dropped`: the consumer is gone, or the event came before it. */
export type Ending = "delivered" | "dead-lettered" | "stored" | "parked" | "dropped";
