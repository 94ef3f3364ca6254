import { LogFullError, recordBytes } from "../bus.ts";
import type { Backlog, BusReader, BusRecord, HeldRecord, LogSpec, ReaderSpec } from "../bus.ts";
import type { Clock } from "../clock.ts";

/** A record in memory, kept until each reader that was there when it came has finished it. */
interface Entry {
  readonly sequence: number;
  readonly record: BusRecord;
  readonly bytes: number;
  readonly acceptedAtMs: number;
  /** Readers that have not finished it. */
  waitingReaders: number;
}

/** One handle of a reader. */
interface Handle {
  readonly spec: ReaderSpec;
  readonly held: Set<Entry>;
  isPaused: boolean;
}

/** A reader, open or not: what it has not finished, in the order in which it is handed out. */
interface ReaderState {
  readonly unfinished: Map<number, Entry>;
  /** Unfinished records that nobody holds, oldest first but for those given back. */
  readonly ready: Entry[];
  readonly handles: Handle[];
}

/** The state of one log of the stub bus; handles of it come and go. */
export interface StubLogState {
  append(record: BusRecord): void;
  readonly lastSequence: number;
  openReader(spec: ReaderSpec): BusReader;
  deleteReader(id: string): number;
  backlog(id: string): Backlog;
}

/** A log that lives in this process. Whoever appends is told after the record is in the list of every reader. */
export function makeStubLog(spec: LogSpec, clock: Clock): StubLogState {
  const readers = new Map<string, ReaderState>();
  let sequence = 0;
  let unfinishedBytes = 0;

  const readerOf = ({ id, from }: ReaderSpec): ReaderState => {
    let reader = readers.get(id);
    if (reader === undefined) {
      const kept = from === "beginning" ? keptFor(readers) : [];
      for (const entry of kept) entry.waitingReaders += 1;
      reader = { unfinished: new Map(kept.map((entry) => [entry.sequence, entry])), ready: kept, handles: [] };
      readers.set(id, reader);
    }
    return reader;
  };
  const settle = (reader: ReaderState, entry: Entry): void => {
    if (!reader.unfinished.delete(entry.sequence)) return;
    entry.waitingReaders -= 1;
    if (entry.waitingReaders === 0) unfinishedBytes -= entry.bytes;
  };

  return {
    append(record) {
      const bytes = recordBytes(record);
      if (unfinishedBytes + bytes > spec.unfinishedBytesMax) {
        throw new LogFullError(`${spec.id}: ${unfinishedBytes} bytes wait for delivery; more are not taken`);
      }
      sequence += 1;
      const entry = { sequence, record, bytes, acceptedAtMs: clock.nowMs(), waitingReaders: readers.size };
      if (readers.size > 0) unfinishedBytes += bytes;
      for (const reader of readers.values()) {
        reader.unfinished.set(sequence, entry);
        reader.ready.push(entry);
        handOut(reader, settle);
      }
    },
    get lastSequence() {
      return sequence;
    },
    openReader(readerSpec) {
      return openHandle(readerOf(readerSpec), readerSpec, settle);
    },
    deleteReader(id) {
      const reader = readers.get(id);
      if (reader === undefined) return 0;
      readers.delete(id);
      const dropped = [...reader.unfinished.values()];
      for (const entry of dropped) settle(reader, entry);
      for (const handle of reader.handles) handle.held.clear();
      reader.ready.length = 0;
      return dropped.length;
    },
    backlog(id) {
      const unfinished = readers.get(id)?.unfinished;
      const oldest = unfinished?.values().next().value;
      return { records: unfinished?.size ?? 0, oldestMs: oldest?.acceptedAtMs };
    },
  };
}

/** What the log holds: records that some reader has not finished, oldest first. */
function keptFor(readers: ReadonlyMap<string, ReaderState>): Entry[] {
  const kept = new Map<number, Entry>();
  for (const { unfinished } of readers.values()) for (const [sequence, entry] of unfinished) kept.set(sequence, entry);
  return [...kept.values()].sort((a, b) => a.sequence - b.sequence);
}

function openHandle(reader: ReaderState, spec: ReaderSpec, settle: Settle): BusReader {
  const handle: Handle = { spec, held: new Set(), isPaused: false };
  reader.handles.push(handle);
  handOut(reader, settle);
  return {
    pause() {
      handle.isPaused = true;
    },
    resume() {
      handle.isPaused = false;
      handOut(reader, settle);
    },
    close() {
      closeHandle(reader, handle);
      handOut(reader, settle);
      return Promise.resolve();
    },
  };
}

type Settle = (reader: ReaderState, entry: Entry) => void;

function closeHandle(reader: ReaderState, handle: Handle): void {
  const index = reader.handles.indexOf(handle);
  if (index !== -1) reader.handles.splice(index, 1);
  const held = [...handle.held].filter((entry) => reader.unfinished.has(entry.sequence));
  handle.held.clear();
  reader.ready.unshift(...held.sort((a, b) => a.sequence - b.sequence));
}

/** Gives each ready record to the handle that holds least, as long as one has room. */
function handOut(reader: ReaderState, settle: Settle): void {
  while (reader.ready.length > 0) {
    const open = reader.handles.filter(({ spec, held, isPaused }) => !isPaused && held.size < spec.inFlightMax);
    const handle = open.sort((a, b) => a.held.size - b.held.size)[0];
    const entry = handle === undefined ? undefined : reader.ready.shift();
    if (handle === undefined || entry === undefined) return;
    handle.held.add(entry);
    const held = holdRecord(entry, {
      finish() {
        if (!handle.held.delete(entry)) return;
        settle(reader, entry);
        handOut(reader, settle);
      },
      release() {
        if (!handle.held.delete(entry)) return;
        reader.ready.unshift(entry);
        handOut(reader, settle);
      },
    });
    // Never inside append: a reader's work is not its producer's.
    queueMicrotask(() => {
      giveTo(handle.spec, held);
    });
  }
}

function giveTo(spec: ReaderSpec, record: HeldRecord): void {
  try {
    spec.onRecord(record);
  } catch {
    record.release();
  }
}

function holdRecord(entry: Entry, end: { finish: () => void; release: () => void }): HeldRecord {
  return {
    ...entry.record,
    acceptedAtMs: entry.acceptedAtMs,
    // Whoever holds a record here lives in the process that keeps it.
    lostHolders: 0,
    isAfter: (ends) => entry.sequence > Number(ends),
    finish() {
      end.finish();
      return Promise.resolve();
    },
    release: end.release,
  };
}
