/** Time as the engine knows it; tests and the simulator give their own. */
export interface Clock {
  /** Milliseconds since 1970. */
  nowMs(): number;
  /** Calls `callback` once, `delayMs` from now; the function that is returned prevents it. */
  setTimer(callback: () => void, delayMs: number): () => void;
}

/** The machine's time. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  setTimer(callback, delayMs) {
    const timer = setTimeout(callback, Math.min(Math.max(delayMs, 0), TIMER_MS_MAX));
    return () => {
      clearTimeout(timer);
    };
  },
};

/** Node fires longer timers at once. Nothing here waits as long; whoever wakes early looks at the time again. */
const TIMER_MS_MAX = 2 ** 31 - 1;
