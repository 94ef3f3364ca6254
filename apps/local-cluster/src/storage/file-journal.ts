import { mkdir, open, readdir, rename, rm, truncate, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { JournalWriteError, type Journal, type JournalRecord, type JournalState } from "./journal.ts";
import { encodeLine, readRecords, type FileRecord } from "./record-file.ts";

// The state on disk is a snapshot and the logs since. A log is only ever appended to; many commits share one fsync.
// When a log has grown, the next one begins and a snapshot of the state at that moment makes all before it superfluous.
//
//   snapshot-N.jsonl   the state before log N; written aside and renamed, so that it is whole or not there
//   log-N.jsonl        the commits since

/** Revisions are promised in blocks, so that a commit lost with the log's tail never shares one with a later commit. */
const reservedRevisions = 10_000;
const logBytesMaxDefault = 16 * 1024 * 1024;
/** Commits that a disk refuses wait in memory up to this size; beyond it writes fail at once. */
const pendingBytesMax = 64 * 1024 * 1024;

interface Live {
  readonly type: string;
  readonly key: string;
  readonly object: NonNullable<JournalRecord["object"]>;
}

export interface FileJournalOptions {
  /** When a log reaches this size a snapshot is made. */
  readonly logBytesMax?: number;
}

/** Opens the journal of a data directory and recovers what it holds; a torn last record is cut off. */
export async function openJournal(
  dataDir: string,
  { logBytesMax = logBytesMaxDefault }: FileJournalOptions = {},
): Promise<{ journal: Journal; recovered: JournalState }> {
  const directory = join(dataDir, "store");
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const { live, revision, log: number } = await recover(directory);
  const journal = await makeFileJournal({ directory, live, revision, number: number + 1, logBytesMax });
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
  readonly log: number;
}

async function recover(directory: string): Promise<Recovered> {
  const names = await readdir(directory);
  const snapshots = numbersOf(names, "snapshot");
  const snapshot = snapshots.at(-1) ?? 0;
  const logs = numbersOf(names, "log").filter((number) => number >= snapshot);
  const live = new Map<string, Live>();
  let revision = 1;
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
    // Only the log that was being written can end in the middle of a record.
    if (isTorn && number !== logs.at(-1))
      throw new Error(`${path} is damaged at byte ${goodBytes}; later logs exist, so it was not torn by a crash`);
    if (isTorn) await truncate(path, goodBytes);
  }
  return { live, revision, log: Math.max(snapshot, logs.at(-1) ?? 0) };
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
}

async function makeFileJournal({ directory, live, revision, number, logBytesMax }: JournalStart): Promise<Journal> {
  const log = await openLogFile(directory, number);
  let reservedUpTo = 0;
  const batches = makeBatches(async (text) => {
    await log.write(text);
    // When there is no room for a snapshot the log goes on growing, and the next write tries again.
    if (log.bytes > logBytesMax)
      await log.rotate({ objects: [...live.values()], revision: reservedUpTo }).catch(() => undefined);
  });
  const reserve = (handedOut: number): void => {
    if (handedOut + reservedRevisions / 2 <= reservedUpTo) return;
    reservedUpTo = handedOut + reservedRevisions;
    batches.push(encodeLine({ revision: reservedUpTo }));
  };
  reserve(revision);
  await batches.flushed();
  // A start begins a new log; the old ones become a snapshot, so that their number stays small over many starts.
  await writeSnapshot(directory, number, { objects: [...live.values()], revision });
  await removeBefore(directory, number);
  return {
    append(record) {
      if (record.object === undefined) live.delete(liveKey(record));
      else live.set(liveKey(record), { type: record.type, key: record.key, object: record.object });
      batches.push(encodeLine(record));
    },
    reserve,
    durable: () => batches.flushed(),
    async close() {
      try {
        await batches.flushed();
      } finally {
        await log.close();
      }
    },
  };
}

interface Batches {
  push(line: string): void;
  /** Resolves when all lines pushed before are written. */
  flushed(): Promise<void>;
}

/** Gathers lines while a write is under way; the next write takes all of them at once. */
function makeBatches(write: (text: Buffer) => Promise<void>): Batches {
  let pending: string[] = [];
  let pendingBytes = 0;
  let pushedCount = 0;
  let writtenCount = 0;
  let writing: Promise<void> | undefined;

  async function writeBatch(): Promise<void> {
    const lines = pending;
    pending = [];
    pendingBytes = 0;
    try {
      await write(Buffer.from(lines.join("")));
      writtenCount += lines.length;
    } catch (error) {
      pending = [...lines, ...pending];
      pendingBytes = pending.reduce((sum, line) => sum + line.length, 0);
      throw new JournalWriteError(`cannot write the log: ${String(error)}`, { cause: error });
    }
  }

  return {
    push(line) {
      pending.push(line);
      pendingBytes += line.length;
      pushedCount += 1;
    },
    async flushed() {
      if (pendingBytes > pendingBytesMax)
        throw new JournalWriteError("the disk takes no writes, and too many are waiting");
      const target = pushedCount;
      while (writtenCount < target) {
        writing ??= writeBatch().finally(() => {
          writing = undefined;
        });
        await writing;
      }
    },
  };
}

interface LogFile {
  readonly bytes: number;
  /** Appends, and returns when it is on disk. What was half written is overwritten by the next try. */
  write(text: Buffer): Promise<void>;
  /** Goes on in the next log, and makes all before it superfluous. */
  rotate(state: { objects: readonly Live[]; revision: number }): Promise<void>;
  close(): Promise<void>;
}

async function openLogFile(directory: string, first: number): Promise<LogFile> {
  let number = first;
  let file = await openLog(directory, number);
  let bytes = 0;
  return {
    get bytes() {
      return bytes;
    },
    async write(text) {
      await file.write(text, 0, text.length, bytes);
      await file.datasync();
      bytes += text.length;
    },
    async rotate(state) {
      const next = await openLog(directory, number + 1);
      await file.close();
      file = next;
      bytes = 0;
      number += 1;
      await writeSnapshot(directory, number, state);
      await removeBefore(directory, number);
    },
    close: () => file.close(),
  };
}

function openLog(directory: string, number: number): Promise<FileHandle> {
  return open(join(directory, `log-${number}.jsonl`), "w", 0o600);
}

async function writeSnapshot(
  directory: string,
  number: number,
  { objects, revision }: { objects: readonly Live[]; revision: number },
): Promise<void> {
  const path = join(directory, `snapshot-${number}.jsonl`);
  const file = await open(`${path}.new`, "w", 0o600);
  try {
    await file.write(encodeLine({ revision }));
    for (let index = 0; index < objects.length; index += snapshotBatch) {
      const lines = objects.slice(index, index + snapshotBatch).map((object) => encodeLine({ ...object, revision: 0 }));
      await file.write(lines.join(""));
    }
    await file.datasync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
  await syncDirectory(directory);
}

const snapshotBatch = 200;

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function removeBefore(directory: string, number: number): Promise<void> {
  for (const name of await readdir(directory)) {
    const found = Number(/^(?:log|snapshot)-(\d+)\.jsonl(?:\.new)?$/.exec(name)?.[1] ?? number);
    if (found < number) await rm(join(directory, name), { force: true });
  }
}
