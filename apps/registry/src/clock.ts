import { setTimeout as sleep } from "node:timers/promises";

/** The time, as far as the registry needs it. */
export interface Clock {
  nowMs(): number;
  /** Resolves after the delay or when the signal aborts. */
  sleep(delayMs: number, signal: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  async sleep(delayMs, signal) {
    try {
      await sleep(delayMs, undefined, { signal, ref: false });
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  },
};
