// A FIFO whose members can leave from the middle in constant time: the links live in the waiters themselves.

/** Why a waiter leaves the line without a pod. */
export type Refusal = "timeout" | "revision-not-found" | "revision-deleted" | "shutdown";

/** A request that waits for a pod or for a free slot. The line writes `line`, `ahead` and `behind`, nobody else. */
export interface Waiter<P> {
  /** Instant on the throttler's clock after which waiting is pointless. */
  deadlineMs: number;
  /** Bytes of the request that are kept in memory meanwhile. */
  heldBytes: number;
  line: WaitingLine<P> | undefined;
  ahead: Waiter<P> | undefined;
  behind: Waiter<P> | undefined;
  /** A slot at this pod is taken for the waiter, who must give it back. */
  granted(pod: P): void;
  refused(reason: Refusal): void;
}

export class WaitingLine<P> {
  first: Waiter<P> | undefined;
  #last: Waiter<P> | undefined;
  size = 0;
  heldBytes = 0;

  append(waiter: Waiter<P>): void {
    assertFree(waiter);
    waiter.line = this;
    waiter.ahead = this.#last;
    if (this.#last === undefined) this.first = waiter;
    else this.#last.behind = waiter;
    this.#last = waiter;
    this.#count(waiter, 1);
  }

  /** For a waiter that had its turn already and lost the pod without having been seen by it. */
  prepend(waiter: Waiter<P>): void {
    assertFree(waiter);
    waiter.line = this;
    waiter.behind = this.first;
    if (this.first === undefined) this.#last = waiter;
    else this.first.ahead = waiter;
    this.first = waiter;
    this.#count(waiter, 1);
  }

  remove(waiter: Waiter<P>): void {
    if (waiter.line !== this) throw new Error("A waiter left a line in which it did not stand.");
    if (waiter.ahead === undefined) this.first = waiter.behind;
    else waiter.ahead.behind = waiter.behind;
    if (waiter.behind === undefined) this.#last = waiter.ahead;
    else waiter.behind.ahead = waiter.ahead;
    waiter.line = undefined;
    waiter.ahead = undefined;
    waiter.behind = undefined;
    this.#count(waiter, -1);
  }

  #count(waiter: Waiter<P>, sign: 1 | -1): void {
    this.size += sign;
    this.heldBytes += sign * waiter.heldBytes;
  }
}

function assertFree(waiter: Waiter<never>): void {
  if (waiter.line !== undefined) throw new Error("A waiter may stand in one line only.");
}
