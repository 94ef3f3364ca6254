/** A cordon nobody acted upon ends by itself. */
export const cordonMaxMs = 600_000;
/** With nothing but cordoned pods left, waiting requests are worth more than a drain that nobody finishes. */
export const cordonPatienceMs = 5_000;
const namesMax = 5_000;

/**
 * The pods of one revision that the autoscaler asked us to leave alone, by name: the request may come before we know the pod.
 * Lives in memory only; a new activator starts without any, and the pods' own grace covers that.
 */
export class Cordons {
  readonly #untilMsByName = new Map<string, number>();

  get count(): number {
    return this.#untilMsByName.size;
  }

  has(name: string): boolean {
    return this.#untilMsByName.has(name);
  }

  add(names: readonly string[], nowMs: number): void {
    for (const name of names) {
      if (this.#untilMsByName.size >= namesMax && !this.#untilMsByName.has(name)) continue;
      this.#untilMsByName.set(name, nowMs + cordonMaxMs);
    }
  }

  remove(names: readonly string[]): void {
    for (const name of names) this.#untilMsByName.delete(name);
  }

  clear(): void {
    this.#untilMsByName.clear();
  }

  /** Drops what has expired; true when anything was dropped. */
  expire(nowMs: number): boolean {
    const before = this.#untilMsByName.size;
    for (const [name, untilMs] of this.#untilMsByName) if (untilMs <= nowMs) this.#untilMsByName.delete(name);
    return this.#untilMsByName.size !== before;
  }
}
