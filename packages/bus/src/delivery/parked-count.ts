import type { Clock } from "../clock.ts";

/** One record that waits for a consumer. */
interface Parked {
  readonly bytes: number;
  /** By then somebody has worked it off, here or elsewhere. */
  readonly goneMs: number;
}

/** What waits for one consumer, as far as this process knows. */
export interface ParkedCount {
  readonly records: number;
  readonly bytes: number;
  /** Notes a record under an id that no other has. */
  add(id: string, parked: Parked): void;
  /** It was worked off here. */
  remove(id: string): void;
  /**
   * Forgets what must have been worked off by another process, which shares the log and tells nobody. Without it the count
   * would only grow, until the consumer counted as overfull for ever.
   */
  forgetGone(): void;
}

/** @see ParkedCount */
export function makeParkedCount(clock: Clock): ParkedCount {
  const waiting = new Map<string, Parked>();
  let bytes = 0;
  const remove = (id: string): void => {
    bytes -= waiting.get(id)?.bytes ?? 0;
    waiting.delete(id);
  };
  return {
    get records() {
      return waiting.size;
    },
    get bytes() {
      return bytes;
    },
    add(id, parked) {
      remove(id);
      waiting.set(id, parked);
      bytes += parked.bytes;
    },
    remove,
    forgetGone() {
      const nowMs = clock.nowMs();
      for (const [id, { goneMs }] of waiting) if (goneMs <= nowMs) remove(id);
    },
  };
}
