import type { Clock } from "../clock.ts";
import type { DeadLetter, DeadLetterStore } from "../delivery/dead-letter-store.ts";

interface Shelf {
  readonly letters: Map<string, DeadLetter>;
  evicted: number;
}

/** The store of the stub bus. Over `bytesMax` in all, the oldest letters are thrown out and counted. */
export function makeMemoryDeadLetterStore(options: {
  readonly bytesMax: number;
  readonly clock: Clock;
}): DeadLetterStore {
  const shelves = new Map<string, Shelf>();
  /** All letters of all consumers, oldest first. */
  const ages = new Map<string, Shelf>();
  let bytes = 0;
  let sequence = 0;

  const shelfOf = (consumerId: string): Shelf => {
    const shelf = shelves.get(consumerId) ?? { letters: new Map<string, DeadLetter>(), evicted: 0 };
    shelves.set(consumerId, shelf);
    return shelf;
  };
  const take = (shelf: Shelf, id: string): boolean => {
    const letter = shelf.letters.get(id);
    if (letter === undefined) return false;
    bytes -= letterBytes(letter);
    ages.delete(id);
    return shelf.letters.delete(id);
  };
  const evictOver = (limit: number): void => {
    for (const [id, shelf] of ages) {
      if (bytes <= limit) return;
      take(shelf, id);
      shelf.evicted += 1;
    }
  };

  return {
    async append(letter) {
      await Promise.resolve();
      sequence += 1;
      const id = String(sequence).padStart(16, "0");
      const kept: DeadLetter = { ...letter, id, storedAtMs: options.clock.nowMs() };
      const shelf = shelfOf(letter.consumerId);
      shelf.letters.set(id, kept);
      ages.set(id, shelf);
      bytes += letterBytes(kept);
      evictOver(options.bytesMax);
    },
    async list(consumerId, { after = "", limit }) {
      await Promise.resolve();
      const letters = shelves.get(consumerId)?.letters.values() ?? [];
      return [...letters].filter(({ id }) => id > after).slice(0, limit);
    },
    async remove(consumerId, id) {
      await Promise.resolve();
      const shelf = shelves.get(consumerId);
      return shelf !== undefined && take(shelf, id);
    },
    async count(consumerId) {
      await Promise.resolve();
      const shelf = shelves.get(consumerId);
      return { letters: shelf?.letters.size ?? 0, evicted: shelf?.evicted ?? 0 };
    },
    async clear(consumerId) {
      await Promise.resolve();
      const shelf = shelves.get(consumerId);
      const ids = [...(shelf?.letters.keys() ?? [])];
      if (shelf !== undefined) for (const id of ids) take(shelf, id);
      shelves.delete(consumerId);
      return ids.length;
    },
  };
}

function letterBytes(letter: DeadLetter): number {
  return letter.body.length + letter.headers.reduce((sum, text) => sum + text.length, 0) + letter.detail.length;
}
