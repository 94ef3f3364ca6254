import { open } from "node:fs/promises";
import { closeSync, existsSync, fstatSync, openSync, readSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import type { ContainerLog } from "./container-log.ts";

const NEWLINE = 0x0a;
const READ_BYTES = 256 * 1024;

export interface LogReadOptions {
  readonly follow?: boolean;
  readonly tailLines?: number;
  /** Only what was written at or after this instant. */
  readonly sinceMs?: number;
  readonly timestamps?: boolean;
  readonly signal?: AbortSignal;
}

/** One line of the file: when, whether it goes on in the next one, and its text without the newline. */
interface LogLine {
  readonly timeText: string;
  readonly isPartial: boolean;
  readonly text: Buffer;
}

/** The output of one run as `kubectl logs` prints it. With `follow` and a live log it goes on until the run ends. */
export async function* readLog(
  file: string,
  log: ContainerLog | undefined,
  options: LogReadOptions,
): AsyncIterable<Buffer> {
  const skipLines =
    options.tailLines === undefined ? 0 : Math.max(0, (await countLines(file, options)) - options.tailLines);
  let skipped = 0;
  // A line written in parts has its time only at the start.
  let isContinued = false;
  const render = (line: LogLine): Buffer | undefined => {
    if (options.sinceMs !== undefined && Date.parse(line.timeText) < options.sinceMs) return undefined;
    if (skipped < skipLines) {
      if (!line.isPartial) skipped += 1;
      return undefined;
    }
    const stamp = options.timestamps === true && !isContinued ? [Buffer.from(`${line.timeText} `)] : [];
    isContinued = line.isPartial;
    return Buffer.concat([...stamp, line.text, ...(line.isPartial ? [] : [Buffer.of(NEWLINE)])]);
  };
  for await (const lines of readBlocks(file, options.follow === true ? log : undefined, options.signal)) {
    const rendered = lines.map(render).filter((line) => line !== undefined);
    if (rendered.length > 0) yield Buffer.concat(rendered);
  }
}

async function countLines(file: string, { sinceMs }: LogReadOptions): Promise<number> {
  let count = 0;
  for await (const lines of readBlocks(file, undefined, undefined)) {
    for (const line of lines) {
      if (line.isPartial || (sinceMs !== undefined && Date.parse(line.timeText) < sinceMs)) continue;
      count += 1;
    }
  }
  return count;
}

/** Lines of the rotated file, then of the file, then (while `log` lives) those that are added. */
async function* readBlocks(
  file: string,
  log: ContainerLog | undefined,
  signal: AbortSignal | undefined,
): AsyncIterable<LogLine[]> {
  // Opened first: a rotation from here on moves away what we hold, and loses nothing.
  let handle = await open(file);
  yield* readRotated(`${file}.1`, handle);
  let cursor = newCursor();
  const aborted = untilAborted(signal);
  try {
    for (;;) {
      // Asked before reading: what is added meanwhile wakes us, and is never missed.
      const changed = log?.changed();
      const isLast = log === undefined || log.isClosed;
      const isRotated = (await handle.stat()).ino !== (await statInode(file));
      yield* readToEnd(handle, cursor);
      if (signal?.aborted === true) return;
      if (isRotated) {
        await handle.close();
        handle = await open(file);
        cursor = newCursor();
      } else if (isLast) {
        return;
      } else {
        await Promise.race([changed, aborted]);
      }
    }
  } finally {
    await handle.close();
  }
}

/** The file before `current`, unless it has just become that itself. */
async function* readRotated(file: string, current: FileHandle): AsyncIterable<LogLine[]> {
  const handle = await open(file).catch(() => undefined);
  if (handle === undefined) return;
  try {
    const isSame = (await handle.stat()).ino === (await current.stat()).ino;
    if (!isSame) yield* readToEnd(handle, newCursor());
  } finally {
    await handle.close();
  }
}

interface Cursor {
  offset: number;
  rest: Buffer;
}

function newCursor(): Cursor {
  return { offset: 0, rest: Buffer.alloc(0) };
}

async function* readToEnd(handle: FileHandle, cursor: Cursor): AsyncIterable<LogLine[]> {
  const buffer = Buffer.alloc(READ_BYTES);
  for (;;) {
    const { bytesRead } = await handle.read(buffer, 0, READ_BYTES, cursor.offset);
    if (bytesRead === 0) return;
    cursor.offset += bytesRead;
    const chunk = Buffer.concat([cursor.rest, buffer.subarray(0, bytesRead)]);
    const lines: LogLine[] = [];
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      const line = parseLine(chunk.subarray(start, end));
      if (line !== undefined) lines.push(line);
      start = end + 1;
    }
    cursor.rest = Buffer.from(chunk.subarray(start));
    yield lines;
  }
}

/** A line that is not in the format (a torn one after a crash) is left out. */
function parseLine(line: Buffer): LogLine | undefined {
  const afterTime = line.indexOf(" ");
  const afterStream = line.indexOf(" ", afterTime + 1);
  const afterTag = line.indexOf(" ", afterStream + 1);
  if (afterTime < 0 || afterStream < 0 || afterTag < 0) return undefined;
  return {
    timeText: line.toString("latin1", 0, afterTime),
    isPartial: line.toString("latin1", afterStream + 1, afterTag) === "P",
    text: line.subarray(afterTag + 1),
  };
}

async function statInode(file: string): Promise<number | undefined> {
  const handle = await open(file).catch(() => undefined);
  if (handle === undefined) return undefined;
  try {
    return (await handle.stat()).ino;
  } finally {
    await handle.close();
  }
}

function untilAborted(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) resolve();
    signal?.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** The end of a log as plain text, at most so many lines and bytes; empty when there is none. */
export function readLastLines(file: string, linesMax: number, bytesMax: number): string {
  if (!existsSync(file)) return "";
  const descriptor = openSync(file, "r");
  try {
    const size = fstatSync(descriptor).size;
    // Each line carries a prefix of about 40 bytes that will be taken away.
    const wanted = Math.min(size, bytesMax + linesMax * 48 + 64);
    const buffer = Buffer.alloc(wanted);
    readSync(descriptor, buffer, 0, wanted, size - wanted);
    const lines = buffer
      .toString("utf8")
      .split("\n")
      .slice(wanted < size ? 1 : 0);
    const texts = lines.flatMap((line) => parseLine(Buffer.from(line))?.text.toString("utf8") ?? []);
    const text = texts
      .slice(-linesMax)
      .map((line) => `${line}\n`)
      .join("");
    return Buffer.from(text).subarray(-bytesMax).toString("utf8");
  } finally {
    closeSync(descriptor);
  }
}
