import type { Clock } from "./clock.ts";

/** What was started, for `cancel`. */
export interface Timeout {
  readonly delayMs: number;
  readonly dueMs: number;
  readonly callback: () => void;
}

/** Many timeouts of few lengths for the price of one timer a length. */
export interface Timeouts {
  /** Calls back once, when `delayMs` have passed, unless it is cancelled before. */
  start(delayMs: number, callback: () => void): Timeout;
  cancel(timeout: Timeout): void;
  /** Cancels all, and stops the timers below: what is started from then on never calls back. */
  close(): void;
}

interface Queue {
  /** In the order in which they are due, which is that of their starts: all of one queue wait alike. */
  readonly waiting: Set<Timeout>;
  stop: () => void;
}

/** @see Timeouts */
export function makeTimeouts(clock: Clock): Timeouts {
  const queues = new Map<number, Queue>();
  let isClosed = false;

  const arm = (delayMs: number, queue: Queue): void => {
    const first = queue.waiting.values().next().value;
    // Those that were cancelled left it empty: the next start makes a new one.
    if (first === undefined) queues.delete(delayMs);
    else queue.stop = clock.setTimer(() => fire(delayMs, queue), Math.max(0, first.dueMs - clock.nowMs()));
  };
  const fire = (delayMs: number, queue: Queue): void => {
    const nowMs = clock.nowMs();
    for (const timeout of queue.waiting) {
      if (timeout.dueMs > nowMs) break;
      queue.waiting.delete(timeout);
      timeout.callback();
    }
    arm(delayMs, queue);
  };
  return {
    start(delayMs, callback) {
      const timeout: Timeout = { delayMs, dueMs: clock.nowMs() + delayMs, callback };
      if (isClosed) return timeout;
      const queue = queues.get(delayMs);
      if (queue !== undefined) {
        queue.waiting.add(timeout);
        return timeout;
      }
      const made: Queue = { waiting: new Set([timeout]), stop: () => undefined };
      queues.set(delayMs, made);
      arm(delayMs, made);
      return timeout;
    },
    cancel(timeout) {
      queues.get(timeout.delayMs)?.waiting.delete(timeout);
    },
    close() {
      isClosed = true;
      for (const { stop } of queues.values()) stop();
      queues.clear();
    },
  };
}
