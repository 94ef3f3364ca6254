import { randomUUID } from "node:crypto";
import { BusError, BusRefusedError } from "@kelvin/bus";
import type { BusLog, BusRecord, Clock, DeadLetter, DeadLetterStore, HeldRecord } from "@kelvin/bus";
import { openEvictionCounts } from "./eviction-counts.ts";
import type { EvictionCounts } from "./eviction-counts.ts";
import { letterRecord, readStoreRecord } from "./letter-form.ts";

/** Where dead letters are kept. */
export interface DeadLetterSpec {
  /** The name at the service; no log and no other store has it. */
  readonly id: string;
  /**
   * Over this the oldest letters of all consumers are thrown out, counted. They are held in memory, so this is less than
   * what a reader may hold: at most 48 MiB.
   */
  readonly bytesMax: number;
}

/** What the store works with. */
export interface DeadLetterParts {
  /** Opens the store's own log. */
  readonly openLog: (id: string) => Promise<BusLog>;
  readonly clock: Clock;
}

const BYTES_MAX = 48 * 1024 * 1024;
const LETTERS_MAX = 9_000;
/** Beside letters it holds counts. */
const IN_FLIGHT_MAX = 10_000;
/** How long what was just stored may take to come here; then it went to another handle. */
const ARRIVAL_MS_MAX = 1_500;
const COUNTER_DIGITS = 10;

/** A letter that is here. */
interface HeldLetter {
  readonly letter: DeadLetter;
  readonly record: HeldRecord;
  readonly bytes: number;
}

/**
 * A subscription that nobody works off: a letter is a message that is held until somebody removes it. The service cannot
 * be asked for one message, so whoever holds it has it in an index. With several processes each lists what it holds; what
 * one held that is gone comes to the others when its leases are over.
 *
 * @throws BusError
 */
export async function openPubsubDeadLetters(
  { id, bytesMax }: DeadLetterSpec,
  { openLog, clock }: DeadLetterParts,
): Promise<DeadLetterStore> {
  if (bytesMax > BYTES_MAX) throw new BusRefusedError(`${id}: bytesMax is ${bytesMax}; at most ${BYTES_MAX} are held`);
  const log = await openLog(`kelvin-dead/${id}`);
  const arrivals = makeArrivals(clock);
  const append = async (record: BusRecord, givenId: string): Promise<void> => {
    await log.append(record);
    arrivals.expect(givenId);
  };
  const counts = openEvictionCounts(append);
  const shelf = makeShelf({ bytesMax, counts });
  await log.openReader({
    id: "letters",
    from: "beginning",
    inFlightMax: IN_FLIGHT_MAX,
    onRecord(record) {
      const read = readStoreRecord(record);
      if (read.kind === "count") counts.add(read, record);
      else shelf.add(read.letter, record);
      arrivals.onArrival(read.givenId);
    },
  });
  const session = randomUUID();
  let lastLetter = 0;
  const settled = async (): Promise<void> => {
    await arrivals.settled();
    await shelf.settled();
  };
  return {
    async append(letter) {
      lastLetter += 1;
      const givenId = `${String(lastLetter).padStart(COUNTER_DIGITS, "0")}-${session}`;
      await append(letterRecord(letter, givenId), givenId);
    },
    async list(consumerId, { after = "", limit }) {
      await settled();
      const letters = shelf.of(consumerId).map(({ letter }) => letter);
      return letters.filter((letter) => letter.id > after).slice(0, limit);
    },
    async remove(consumerId, letterId) {
      await settled();
      const found = shelf.of(consumerId).find(({ letter }) => letter.id === letterId);
      return found !== undefined && shelf.remove(found);
    },
    async count(consumerId) {
      await settled();
      return { letters: shelf.of(consumerId).length, evicted: counts.of(consumerId) };
    },
    async clear(consumerId) {
      await settled();
      let cleared = 0;
      for (const held of shelf.of(consumerId)) if (await shelf.remove(held)) cleared += 1;
      await counts.forget(consumerId);
      return cleared;
    },
  };
}

/** The letters that are here. */
interface Shelf {
  add(letter: DeadLetter, record: HeldRecord): void;
  /** A consumer's, oldest first. */
  of(consumerId: string): readonly HeldLetter[];
  /** False when somebody else did. @throws BusUnavailableError: it is still there */
  remove(held: HeldLetter): Promise<boolean>;
  /** Resolves when nothing is being thrown out. */
  settled(): Promise<void>;
}

function makeShelf({ bytesMax, counts }: { readonly bytesMax: number; readonly counts: EvictionCounts }): Shelf {
  const letters = new Map<string, HeldLetter>();
  let bytes = 0;
  let evicting: Promise<void> | undefined;

  const put = (held: HeldLetter): void => {
    letters.set(held.letter.id, held);
    bytes += held.bytes;
  };
  const remove = async (held: HeldLetter): Promise<boolean> => {
    if (!letters.delete(held.letter.id)) return false;
    bytes -= held.bytes;
    try {
      await held.record.finish();
      return true;
    } catch (error) {
      put(held);
      throw error;
    }
  };
  const isOverfull = (): boolean => letters.size > 1 && (bytes > bytesMax || letters.size > LETTERS_MAX);
  /** Counts before it removes: a kill in between leaves a letter that is removed without being counted again. */
  const evict = async (): Promise<void> => {
    while (isOverfull()) {
      const [oldest] = inOrder(letters.values());
      if (oldest === undefined) return;
      await counts.note(oldest.letter.consumerId, oldest.letter.id);
      await remove(oldest);
    }
  };
  const makeRoom = (): void => {
    if (!isOverfull()) return;
    evicting ??= evict()
      .catch((error: unknown) => {
        // The service is away: the next letter tries again.
        if (!(error instanceof BusError)) throw error;
      })
      .finally(() => {
        evicting = undefined;
      });
  };
  return {
    add(letter, record) {
      let size = record.body.length;
      for (const text of record.headers) size += text.length;
      put({ letter, record, bytes: size });
      makeRoom();
    },
    of: (consumerId) => inOrder([...letters.values()].filter(({ letter }) => letter.consumerId === consumerId)),
    remove,
    async settled() {
      await evicting;
    },
  };
}

function inOrder(letters: Iterable<HeldLetter>): HeldLetter[] {
  return [...letters].sort((a, b) => (a.letter.id < b.letter.id ? -1 : 1));
}

/** What was stored here and has not come yet. */
interface Arrivals {
  expect(givenId: string): void;
  onArrival(givenId: string): void;
  /** Resolves when all have come that may. */
  settled(): Promise<void>;
}

/** What comes before it is expected is remembered for a while: an answer may be slower than the message. */
const EARLY_MAX = 1_000;

function makeArrivals(clock: Clock): Arrivals {
  /** Until when each is waited for. */
  const expected = new Map<string, number>();
  const early = new Set<string>();
  const sleepers = new Set<() => void>();
  return {
    expect(givenId) {
      if (!early.delete(givenId)) expected.set(givenId, clock.nowMs() + ARRIVAL_MS_MAX);
    },
    onArrival(givenId) {
      if (expected.delete(givenId)) {
        for (const wake of sleepers) wake();
        return;
      }
      early.add(givenId);
      if (early.size > EARLY_MAX) early.delete(early.values().next().value ?? "");
    },
    async settled() {
      for (;;) {
        const [oldest] = expected;
        if (oldest === undefined) return;
        const [givenId, dueMs] = oldest;
        const leftMs = dueMs - clock.nowMs();
        if (leftMs <= 0) expected.delete(givenId);
        else await untilWoken(leftMs);
      }
    },
  };
  function untilWoken(limitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        cancel();
        sleepers.delete(wake);
        resolve();
      };
      const cancel = clock.setTimer(wake, limitMs);
      sleepers.add(wake);
    });
  }
}
