import type { Clock } from "@kelvin/kube";

/** Lets a loop rest until something happens. What happens between `reset` and `rest` is not missed. */
export interface Waker {
  readonly wake: () => void;
  reset(): void;
  /** Resolves at the next `wake`, or after `delayMs`. */
  rest(delayMs: number): Promise<void>;
}

export function openWaker(clock: Clock): Waker {
  let isAwake = false;
  let wakeUp: () => void = () => undefined;
  return {
    wake() {
      isAwake = true;
      wakeUp();
    },
    reset() {
      isAwake = false;
    },
    rest(delayMs) {
      if (isAwake) return Promise.resolve();
      return new Promise((resolve) => {
        const cancel = delayMs === Infinity ? undefined : clock.setTimer(resolve, delayMs);
        wakeUp = () => {
          cancel?.();
          resolve();
        };
      });
    },
  };
}
