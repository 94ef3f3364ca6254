/**
 * Counts what a revision's requests do, exactly: `concurrencyMs` is the integral of (in flight + queued) over time, brought
 * up to date at each change, so no sampling error and nothing lost between two reports.
 */
export class ConcurrencyMeter {
  inFlight = 0;
  queued = 0;
  requestsEnded = 0;
  #concurrencyMs = 0;
  #sinceMs: number;

  constructor(nowMs: number) {
    this.#sinceMs = nowMs;
  }

  /** Call before `inFlight + queued` changes. */
  settle(nowMs: number): void {
    const elapsedMs = nowMs - this.#sinceMs;
    if (elapsedMs <= 0) return;
    this.#concurrencyMs += elapsedMs * (this.inFlight + this.queued);
    this.#sinceMs = nowMs;
  }

  concurrencyMs(nowMs: number): number {
    this.settle(nowMs);
    return this.#concurrencyMs;
  }

  isIdle(): boolean {
    return this.inFlight === 0 && this.queued === 0;
  }
}
