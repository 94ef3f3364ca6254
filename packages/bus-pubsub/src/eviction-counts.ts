import { randomUUID } from "node:crypto";
import type { BusRecord, HeldRecord } from "@kelvin/bus";
import { countRecord } from "./letter-form.ts";
import type { EvictionCount, StoreRecord } from "./letter-form.ts";

/** How many letters were thrown out, a consumer; it outlives every process. */
export interface EvictionCounts {
  /** Takes a count that came from the service. */
  add(read: StoreRecord & { readonly kind: "count" }, record: HeldRecord): void;
  of(consumerId: string): number;
  /** Counts a letter, once. @throws BusError: it is not counted, or is */
  note(consumerId: string, letterId: string): Promise<void>;
  /** @throws BusUnavailableError */
  forget(consumerId: string): Promise<void>;
}

interface Known {
  readonly givenId: string;
  readonly count: EvictionCount;
  /** Undefined until it has come from the service. */
  record: HeldRecord | undefined;
}

/**
 * A count is a message that stands for the one before it, which goes when the new one has come. Several processes count
 * each for itself, and the sum holds.
 */
export function openEvictionCounts(append: (record: BusRecord, givenId: string) => Promise<void>): EvictionCounts {
  const known = new Map<string, Known[]>();
  const ofConsumer = (consumerId: string): Known[] => known.get(consumerId) ?? [];
  const put = (one: Known): void => {
    const { consumerId } = one.count;
    known.set(consumerId, [...ofConsumer(consumerId), one]);
    dropReplaced(consumerId);
  };
  const dropReplaced = (consumerId: string): void => {
    const all = ofConsumer(consumerId);
    const replaced = new Set(all.filter(({ record }) => record !== undefined).map(({ count }) => count.replaces));
    for (const { givenId, record } of all) {
      // One that is not removed now comes again, and is replaced then.
      if (replaced.has(givenId)) record?.finish().catch(() => undefined);
    }
    known.set(
      consumerId,
      all.filter(({ givenId }) => !replaced.has(givenId)),
    );
  };
  /** Those that no other stands for, come or not. */
  const current = (consumerId: string): Known[] => {
    const all = ofConsumer(consumerId);
    const replaced = new Set(all.map(({ count }) => count.replaces));
    return all.filter(({ givenId }) => !replaced.has(givenId));
  };
  return {
    add({ givenId, count }, record) {
      const expected = ofConsumer(count.consumerId).find((one) => one.givenId === givenId);
      if (expected === undefined) put({ givenId, count, record });
      else {
        expected.record = record;
        dropReplaced(count.consumerId);
      }
    },
    of: (consumerId) => current(consumerId).reduce((sum, { count }) => sum + count.evicted, 0),
    async note(consumerId, letterId) {
      const all = current(consumerId);
      if (all.some(({ count }) => count.letterId === letterId)) return;
      const before = all[0];
      const count: EvictionCount = {
        consumerId,
        evicted: (before?.count.evicted ?? 0) + 1,
        replaces: before?.givenId ?? "",
        letterId,
      };
      const givenId = randomUUID();
      await append(countRecord(count, givenId), givenId);
      // It may be here already.
      if (!ofConsumer(consumerId).some((one) => one.givenId === givenId)) put({ givenId, count, record: undefined });
    },
    async forget(consumerId) {
      const all = ofConsumer(consumerId);
      known.delete(consumerId);
      for (const { record } of all) await record?.finish();
    },
  };
}
