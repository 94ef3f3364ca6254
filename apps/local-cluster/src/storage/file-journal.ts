import { mkdir, open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { systemClock, type Clock } from "@kelvin/kube";
import {
  JournalWriteError,
  journalWriteError,
  type Journal,
  type JournalRecord,
  type JournalState,
} from "./journal.ts";
import { openLogFile } from "./log-file.ts";
import { encodeLine, readRecords, type FileRecord } from "./record-file.ts";
import { writeSnapshot } from "./snapshot.ts";
import { makeBatches } from "./write-batches.ts";

// The state on disk is a snapshot and the logs since. A log is only ever appended to; many commits share one fsync.
// When a log has grown, the next one begins, and a snapshot written beside makes all before it superfluous.
//
//   snapshot-N.jsonl   the state before log N, or a little later; written aside and renamed, so that it is whole or not there
//   log-N.jsonl        the commits since

/** Revisions are promised in blocks, so that a commit lost with the log's tail never shares one with a later commit. */
const reservedRevisions = 100_000;
const logBytesMaxDefault = 16 * 1024 * 1024;
/** Every start begins a log; one with a few small ones is ready sooner without a snapshot to write. */
const logsMaxDefault = 8;

interface Live {
  readonly type: string;
  readonly key: string;
  readonly object: NonNullable<JournalRecord["object"]>;
}

export interface FileJournalOptions {
  /** When a log reaches this size a snapshot is made, and at the start when all logs together do. */
  readonly logBytesMax?: number;
  /** When there are so many logs at the start a snapshot is made. */
  readonly logsMax?: number;
  readonly clock?: Clock;
}

/**
 * Opens the journal of a data directory and recovers what it holds; a torn last record is cut off.
 *
 * @throws JournalWriteError when the directory takes no writes. What it holds is as it was.
 */
export async function openJournal(
  dataDir: string,
  { logBytesMax = logBytesMaxDefault, logsMax = logsMaxDefault, clock = systemClock }: FileJournalOptions = {},
): Promise<{ journal: Journal; recovered: JournalState }> {
  const directory = join(dataDir, "store");
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const { live, revision, last, logs, logBytes } = await recover(directory);
  const journal = await makeFileJournal({
    directory,
    live,
    revision,
    number: last + 1,
    logBytesMax,
    isSnapshotDue: logs >= logsMax || logBytes > logBytesMax,
    clock,
  });
  const objects = [...live.values()];
  return { journal, recovered: { revision, objects } };
}

function liveKey({ type, key }: { type: string; key: string }): string {
  return `${type} ${key}`;
}

interface Recovered {
  readonly live: Map<string, Live>;
  readonly revision: number;
  /** The number of the last log. */
  readonly last: number;
  /** How many logs were read, and their size. */
  readonly logs: number;
  readonly logBytes: number;
}

async function recover(directory: string): Promise<Recovered> {
  const names = await readdir(directory);
  const snapshots = numbersOf(names, "snapshot");
  const snapshot = snapshots.at(-1) ?? 0;
  const logs = numbersOf(names, "log").filter((number) => number >= snapshot);
  const live = new Map<string, Live>();
  let revision = 1;
  let logBytes = 0;
  const apply = (record: FileRecord): void => {
    revision = Math.max(revision, record.revision);
    if (record.type === undefined) return;
    if (record.object === undefined) live.delete(liveKey(record));
    else live.set(liveKey(record), { type: record.type, key: record.key, object: record.object });
  };
  if (snapshot > 0) await readSnapshot(join(directory, `snapshot-${snapshot}.jsonl`), apply);
  for (const number of logs) {
    const path = join(directory, `log-${number}.jsonl`);
    const { goodBytes, isTorn } = await readRecords(path, apply);
    logBytes += goodBytes;
    // Only the log that was being written can end in the middle of a record.
    if (isTorn && number !== logs.at(-1))
      throw new Error(`${path} is damaged at byte ${goodBytes}; later logs exist, so it was not torn by a crash`);
    if (isTorn) await cutOff(path, goodBytes);
  }
  return { live, revision, last: Math.max(snapshot, logs.at(-1) ?? 0), logs: logs.length, logBytes };
}

/** On disk before the next log begins: behind a log that another one follows, a torn end would not be a crash's. */
async function cutOff(path: string, bytes: number): Promise<void> {
  const file = await open(path, "r+");
  try {
    await file.truncate(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function readSnapshot(path: string, apply: (record: FileRecord) => void): Promise<void> {
  const { goodBytes, isTorn } = await readRecords(path, apply);
  // It was complete when it got its name, so this is no crash of ours, and going on would silently lose objects.
  if (isTorn) throw new Error(`${path} is damaged at byte ${goodBytes}`);
}

function numbersOf(names: readonly string[], prefix: string): number[] {
  const pattern = new RegExp(`^${prefix}-(\\d+)\\.jsonl$`);
  return names
    .map((name) => Number(pattern.exec(name)?.[1] ?? 0))
    .filter((number) => number > 0)
    .sort((a, b) => a - b);
}

interface JournalStart {
  readonly directory: string;
  readonly live: Map<string, Live>;
  readonly revision: number;
  readonly number: number;
  readonly logBytesMax: number;
  readonly isSnapshotDue: boolean;
  readonly clock: Clock;
}

async function makeFileJournal(start: JournalStart): Promise<Journal> {
  const { directory, live, logBytesMax } = start;
  const log = await openLogFile(directory, start.number).catch((error: unknown) => {
    throw journalWriteError(directory, error);
  });
  const reservation = makeReservation(start.revision);
  let snapshot: Promise<void> | undefined;
  // Without a snapshot the logs stay and are enough. The reason will show in the next write, or is gone by the next snapshot.
  const beginSnapshot = (revision: number): void => {
    snapshot = writeSnapshot(directory, log.number, { objects: [...live.values()], revision })
      .catch(() => undefined)
      .finally(() => {
        snapshot = undefined;
      });
  };
  const batches = makeBatches({
    directory,
    clock: start.clock,
    async write(bytes) {
      const promised = reservation.asked;
      await log.write(bytes);
      reservation.promised = promised;
      if (log.bytes <= logBytesMax || snapshot !== undefined) return;
      await log.next().then(
        () => beginSnapshot(reservation.asked),
        () => undefined,
      );
    },
  });
  const extendReservation = (): void => {
    reservation.asked += reservedRevisions;
    batches.push(encodeLine({ revision: reservation.asked }));
  };
  extendReservation();
  try {
    await batches.flushed();
  } catch (error) {
    batches.close();
    await log.close();
    throw error;
  }
  if (start.isSnapshotDue) beginSnapshot(start.revision);
  return {
    requireWritable() {
      const refusal = batches.refusal();
      if (refusal !== undefined) throw refusal;
    },
    reserve(revision) {
      if (revision + reservedRevisions / 2 > reservation.asked) extendReservation();
      if (revision <= reservation.promised) return;
      throw batches.refusal() ?? new JournalWriteError(`${directory} takes writes too slowly; try again later`);
    },
    append(record) {
      if (record.object === undefined) live.delete(liveKey(record));
      else live.set(liveKey(record), { type: record.type, key: record.key, object: record.object });
      batches.push(encodeLine(record));
    },
    durable: () => batches.flushed(),
    async close() {
      try {
        await batches.flushed();
      } finally {
        batches.close();
        await snapshot;
        await log.close();
      }
    },
  };
}

/** Up to where revisions may be handed out: what is asked for, and what is on disk. */
function makeReservation(revision: number): { asked: number; promised: number } {
  return { asked: revision, promised: revision };
}
