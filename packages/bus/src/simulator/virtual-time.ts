import type { Clock } from "../clock.ts";

/** A clock that jumps from timer to timer. */
export interface VirtualTime extends Clock {
  /** Lets everything happen until `untilMs`, or until nothing is left to happen. */
  runUntil(untilMs: number): Promise<void>;
}

interface Timer {
  readonly dueMs: number;
  readonly order: number;
  readonly callback: () => void;
}

/** Starts at zero. Between two timers every promise that can settle does: nothing in the engine waits for real I/O. */
export function makeVirtualTime(): VirtualTime {
  const timers = new Set<Timer>();
  let nowMs = 0;
  let order = 0;
  const next = (): Timer | undefined => {
    let first: Timer | undefined;
    for (const timer of timers) {
      if (first === undefined || timer.dueMs < first.dueMs) first = timer;
    }
    return first;
  };
  return {
    nowMs: () => nowMs,
    setTimer(callback, delayMs) {
      order += 1;
      const timer = { dueMs: nowMs + Math.max(0, delayMs), order, callback };
      timers.add(timer);
      return () => {
        timers.delete(timer);
      };
    },
    async runUntil(untilMs) {
      await turn();
      for (let timer = next(); timer !== undefined && timer.dueMs <= untilMs; timer = next()) {
        timers.delete(timer);
        nowMs = timer.dueMs;
        timer.callback();
        await turn();
      }
      nowMs = Math.max(nowMs, untilMs);
    },
  };
}

async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
