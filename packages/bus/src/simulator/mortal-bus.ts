import { BusRefusedError, BusUnavailableError, RecordTooLargeError } from "../bus.ts";
import type { Bus, BusLog, BusReader, HeldRecord, LogSpec, ReaderSpec } from "../bus.ts";
import type { DeadLetterStore } from "../delivery/dead-letter-store.ts";
import type { Random } from "./random.ts";

/** One process's view of a bus that outlives it. */
export interface MortalBus {
  readonly bus: Bus;
  readonly deadLetters: DeadLetterStore;
  readonly isDead: boolean;
  /** The process dies here: what it holds goes back to the bus, and no call of it ever returns. */
  kill(): Promise<void>;
}

/** How the way to the broker misbehaves; both may change while the simulation runs. */
export interface BusFaults {
  /** How likely a call fails without effect. */
  lostRequests: number;
  /** How likely a call has its effect and fails all the same. */
  lostAnswers: number;
  /** How likely the broker refuses to make a log or to take a record or letter, for a reason that waiting does not mend. */
  refusals: number;
  /** Letters with more in their body are never taken. */
  readonly letterBytesMax: number;
}

type Letter = Parameters<DeadLetterStore["append"]>[0];

/** Wraps what survives so that a process's end and a bad network can be played. */
export function makeMortalBus(
  survivor: { readonly bus: Bus; readonly deadLetters: DeadLetterStore },
  faults: BusFaults,
  random: Random,
): MortalBus {
  const readers = new Set<BusReader>();
  let isDead = false;

  const call = async <T>(act: () => Promise<T>): Promise<T> => {
    if (isDead) return hang<T>();
    if (random.chance(faults.lostRequests)) throw new BusUnavailableError("the request got lost");
    const result = await act();
    if (isDead) return hang<T>();
    if (random.chance(faults.lostAnswers)) throw new BusUnavailableError("the answer got lost");
    return result;
  };
  const take = async <T>(act: () => Promise<T>): Promise<T> => {
    if (!isDead && random.chance(faults.refusals)) throw new BusRefusedError("permissions violation");
    return call(act);
  };
  const hold = (record: HeldRecord): HeldRecord => ({
    ...record,
    isAfter: (ends) => record.isAfter(ends),
    finish: () => call(() => record.finish()),
    release() {
      if (!isDead) record.release();
    },
  });
  const openReader = async (log: BusLog, spec: ReaderSpec): Promise<BusReader> => {
    const onRecord = (record: HeldRecord): void => {
      if (!isDead) spec.onRecord(hold(record));
    };
    // Noted inside the call: a handle whose answer got lost is this process's too, and dies with it.
    return call(async () => {
      const reader = await log.openReader({ ...spec, onRecord });
      readers.add(reader);
      return reader;
    });
  };
  const wrapLog = (log: BusLog): BusLog => ({
    id: log.id,
    append: (record) => take(() => log.append(record)),
    ends: () => call(() => log.ends()),
    openReader: (spec) => openReader(log, spec),
    deleteReader: (id) => call(() => log.deleteReader(id)),
    backlog: (id) => call(() => log.backlog(id)),
    close: () => call(() => log.close()),
  });
  const { bus, deadLetters } = survivor;
  return {
    bus: {
      kind: bus.kind,
      recordBytesMax: bus.recordBytesMax,
      trouble: undefined,
      openLog: async (spec: LogSpec) => wrapLog(await take(() => bus.openLog(spec))),
      findLog: async (spec) => {
        const log = await call(() => bus.findLog(spec));
        return log === undefined ? undefined : wrapLog(log);
      },
      deleteLog: (id) => call(() => bus.deleteLog(id)),
      close: () => Promise.resolve(),
    },
    deadLetters: { ...deadLetters, append: (letter) => take(() => appendLetter(letter, deadLetters, faults)) },
    get isDead() {
      return isDead;
    },
    async kill() {
      isDead = true;
      for (const reader of readers) await reader.close();
    },
  };
}

/** What a dead process waits for. */
function hang<T>(): Promise<T> {
  return new Promise(() => undefined);
}

async function appendLetter(letter: Letter, store: DeadLetterStore, { letterBytesMax }: BusFaults): Promise<void> {
  const { length } = letter.body;
  if (length > letterBytesMax) throw new RecordTooLargeError(`${length} bytes are too many for a letter`);
  await store.append(letter);
}
