/** Time as an argument, so that tests can turn it. Everything in Kelvin that waits or stamps takes one of these. */
export interface Clock {
  /** The wall clock, for timestamps that leave the process. It may jump. */
  now(): Date;
  /** Milliseconds since some fixed instant, never going back: for durations and deadlines. */
  monotonicMs(): number;
  /** Resolves after `delayMs`, or at once when `signal` aborts. Never rejects: look at the signal afterwards. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
  /** Calls `callback` once after `delayMs` unless the returned function is called before. */
  setTimer(callback: () => void, delayMs: number): () => void;
}

/** `setTimeout` fires at once for more than this, so longer delays are cut to it (24.8 days). */
const TIMER_DELAY_MS_MAX = 2 ** 31 - 1;

/** The clock of the machine. */
export const systemClock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
  sleep: (delayMs, signal) => sleepOn(systemClock, delayMs, signal),
  setTimer(callback, delayMs) {
    const timer = setTimeout(callback, Math.min(Math.max(delayMs, 0), TIMER_DELAY_MS_MAX));
    return () => {
      clearTimeout(timer);
    };
  },
};

/** `sleep` for any clock, built from its `setTimer`. */
export function sleepOn(clock: Pick<Clock, "setTimer">, delayMs: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted === true) return Promise.resolve();
  return new Promise((resolve) => {
    const finish = (): void => {
      cancel();
      signal?.removeEventListener("abort", finish);
      resolve();
    };
    const cancel = clock.setTimer(finish, delayMs);
    signal?.addEventListener("abort", finish, { once: true });
  });
}
