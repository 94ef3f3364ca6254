import { constants } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { join } from "node:path";

/** The log that is being written. Calls must not overlap. */
export interface LogFile {
  readonly bytes: number;
  readonly number: number;
  /** Appends, and returns when it is on disk. What was half written is overwritten by the next try, which must repeat it. */
  write(bytes: Buffer): Promise<void>;
  /** Goes on in the next log. */
  next(): Promise<void>;
  close(): Promise<void>;
}

export async function openLogFile(directory: string, first: number): Promise<LogFile> {
  let number = first;
  let file = await createLog(directory, number);
  let size = 0;
  return {
    get bytes() {
      return size;
    },
    get number() {
      return number;
    },
    async write(bytes) {
      await writeWhole(file, bytes, size);
      size += bytes.length;
    },
    async next() {
      const following = await createLog(directory, number + 1);
      const finished = file;
      file = following;
      size = 0;
      number += 1;
      await finished.close();
    },
    close: () => file.close(),
  };
}

/** What is written is on disk when the write returns: one call where a write and a sync would be two. */
const { O_WRONLY, O_CREAT, O_TRUNC, O_DSYNC } = constants;

async function createLog(directory: string, number: number): Promise<FileHandle> {
  const file = await open(join(directory, `log-${number}.jsonl`), O_WRONLY | O_CREAT | O_TRUNC | O_DSYNC, 0o600);
  try {
    // A log whose name is lost with the power takes what is in it along.
    await syncDirectory(directory);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Writes all bytes. One call of write(2) takes fewer where the disk gets full, and only the next one fails. */
export async function writeWhole(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    // oxlint-disable-next-line no-await-in-loop -- each write begins where the last one ended
    const { bytesWritten } = await file.write(bytes, at, bytes.length - at, position + at);
    if (bytesWritten === 0) throw new Error("the file system took none of the bytes");
    at += bytesWritten;
  }
}

/** Makes the names in a directory survive a loss of power. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
