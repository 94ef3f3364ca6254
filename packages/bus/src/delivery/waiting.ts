import type { Clock } from "../clock.ts";

/** Waits that end early when the engine closes. */
export interface Waiting {
  /** Resolves after `delayMs` with true, or with false as soon as the engine closes. */
  pause(delayMs: number): Promise<boolean>;
  readonly isClosing: boolean;
  /** Ends every wait. */
  close(): void;
}

/** @see Waiting */
export function makeWaiting(clock: Clock): Waiting {
  const wakers = new Set<() => void>();
  let isClosing = false;
  return {
    pause(delayMs) {
      if (isClosing) return Promise.resolve(false);
      return new Promise((resolve) => {
        const cancel = clock.setTimer(() => {
          wakers.delete(wake);
          resolve(true);
        }, delayMs);
        const wake = (): void => {
          cancel();
          resolve(false);
        };
        wakers.add(wake);
      });
    },
    get isClosing() {
      return isClosing;
    },
    close() {
      isClosing = true;
      for (const wake of wakers) wake();
      wakers.clear();
    },
  };
}
