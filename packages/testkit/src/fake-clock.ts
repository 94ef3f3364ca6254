import { sleepOn } from "@kelvin/kube";
import type { Clock } from "@kelvin/kube";

/** A Clock that stands still until it is told to go on. */
export interface FakeClock extends Clock {
  /** Lets time pass: timers that fall due fire in order, and promises they settle run on before the next. */
  advance(deltaMs: number): Promise<void>;
  /** Lets pending promises run on without letting time pass. */
  settle(): Promise<void>;
  /** Timers that have not fired: zero after everything was closed. */
  readonly pendingTimers: number;
}

interface Timer {
  dueMs: number;
  order: number;
  callback: () => void;
}

/** Starts at `start`, by default a fixed instant, so that tests never depend on today. */
export function fakeClock(start: Date = new Date("2026-01-01T00:00:00Z")): FakeClock {
  let elapsedMs = 0;
  let order = 0;
  const timers = new Set<Timer>();

  const setTimer: Clock["setTimer"] = (callback, delayMs) => {
    const timer = { dueMs: elapsedMs + Math.max(0, delayMs), order: order++, callback };
    timers.add(timer);
    return () => {
      timers.delete(timer);
    };
  };
  const nextDue = (untilMs: number): Timer | undefined =>
    [...timers].filter((timer) => timer.dueMs <= untilMs).sort((a, b) => a.dueMs - b.dueMs || a.order - b.order)[0];

  return {
    now: () => new Date(start.getTime() + elapsedMs),
    monotonicMs: () => elapsedMs,
    setTimer,
    sleep: (delayMs, signal) => sleepOn({ setTimer }, delayMs, signal),
    settle,
    async advance(deltaMs) {
      const untilMs = elapsedMs + deltaMs;
      await settle();
      for (let timer = nextDue(untilMs); timer !== undefined; timer = nextDue(untilMs)) {
        timers.delete(timer);
        elapsedMs = Math.max(elapsedMs, timer.dueMs);
        timer.callback();
        await settle();
      }
      elapsedMs = untilMs;
      await settle();
    },
    get pendingTimers() {
      return timers.size;
    },
  };
}

/** Promise chains and streams take several turns of the event loop; nothing of ours takes more than this. */
const SETTLE_TURNS = 10;

async function settle(): Promise<void> {
  for (let turn = 0; turn < SETTLE_TURNS; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
