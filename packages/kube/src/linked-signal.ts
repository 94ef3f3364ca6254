/** A signal that follows others until it is unlinked from them. */
export interface LinkedSignal {
  readonly signal: AbortSignal;
  /** Aborts this signal alone. */
  abort(reason?: unknown): void;
  /** Lets go of the sources. Call it when whatever uses the signal has ended. */
  unlink(): void;
}

/**
 * Makes a signal that aborts with the first of `sources`, for the same reason. In place of `AbortSignal.any`, whose results
 * stay in memory for as long as a source that lives with the process (measured: 0.3 to 1.2 KB a call).
 */
export function linkSignals(...sources: readonly (AbortSignal | undefined)[]): LinkedSignal {
  const controller = new AbortController();
  const unlinkers: (() => void)[] = [];
  for (const source of sources) {
    if (source === undefined) continue;
    const follow = (): void => controller.abort(source.reason);
    if (source.aborted) follow();
    source.addEventListener("abort", follow, { once: true });
    unlinkers.push(() => source.removeEventListener("abort", follow));
  }
  return {
    signal: controller.signal,
    abort: (reason) => controller.abort(reason),
    unlink() {
      for (const unlink of unlinkers) unlink();
    },
  };
}
