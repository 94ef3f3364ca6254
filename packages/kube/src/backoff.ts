/**
 * Delays that double from `initialMs` to `maxMs`, each cut by up to a half at random, so that many clients do not come
 * back at the same instant. `reset` starts over.
 */
export interface Backoff {
  nextMs(): number;
  reset(): void;
}

/** Makes a Backoff. `random` is 0 ≤ x < 1, as Math.random. */
export function makeBackoff(initialMs: number, maxMs: number, random: () => number = Math.random): Backoff {
  let failures = 0;
  return {
    nextMs() {
      const ceilingMs = Math.min(maxMs, initialMs * 2 ** Math.min(failures, 30));
      failures += 1;
      return ceilingMs * (1 - random() / 2);
    },
    reset() {
      failures = 0;
    },
  };
}
