/** A limited number of places, given in the order in which they were asked for. */
export interface CallPlaces {
  /** Resolves with what gives the place back. @throws the signal's reason when it aborts before there is a place. */
  take(signal?: AbortSignal): Promise<() => void>;
}

/** Makes `count` free places. */
export function makeCallPlaces(count: number): CallPlaces {
  let free = count;
  const waiting = new Set<() => void>();

  function giveBack(): void {
    const [next] = waiting;
    if (next === undefined) free += 1;
    else next();
  }

  function wait(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        waiting.delete(proceed);
        signal?.removeEventListener("abort", abort);
      };
      const proceed = (): void => {
        stop();
        resolve();
      };
      const abort = (): void => {
        stop();
        reject(signal?.reason);
      };
      waiting.add(proceed);
      signal?.addEventListener("abort", abort, { once: true });
    });
  }

  return {
    async take(signal) {
      signal?.throwIfAborted();
      if (free > 0) free -= 1;
      else await wait(signal);
      return giveBack;
    },
  };
}
