import { closeSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import type { Readable } from "node:stream";
import type { Clock } from "@kelvin/kube";

// One file for each run of a container, in the format of the container runtime interface: every line is
// `<RFC 3339 time> <stdout|stderr> <F|P> <text>`, where P marks a line that goes on in the next. At 10 MiB the file becomes
// `<file>.1`, in place of an older one, so a run keeps between 10 and 20 MiB of its last words.

export const LOG_BYTES_MAX = 10 * 1024 * 1024;
/** A longer line is written in parts, so that memory is bounded. */
const LINE_BYTES_MAX = 16 * 1024;
const NEWLINE = 0x0a;

export interface ContainerLog {
  readonly file: string;
  /** Copies a stream of the container to the log until the stream ends. */
  capture(stream: Readable, name: "stdout" | "stderr"): void;
  /** A line of the agent itself, shown among the container's. */
  note(text: string): void;
  /** True once the run has ended: nothing will be added. */
  readonly isClosed: boolean;
  /** Resolves when something was added, the file was rotated or the log was closed. */
  changed(): Promise<void>;
  close(): void;
}

export interface ContainerLogOptions {
  file: string;
  clock: Clock;
  bytesMax?: number;
  reportError: (message: string, error: unknown) => void;
}

export function openContainerLog({
  file,
  clock,
  bytesMax = LOG_BYTES_MAX,
  reportError,
}: ContainerLogOptions): ContainerLog {
  mkdirSync(dirname(file), { recursive: true });
  let descriptor = openSync(file, "a");
  let size = 0;
  let isClosed = false;
  let waiters: (() => void)[] = [];

  function wake(): void {
    const woken = waiters;
    waiters = [];
    for (const resolve of woken) resolve();
  }

  function append(pieces: readonly Buffer[]): void {
    if (isClosed || pieces.length === 0) return;
    try {
      const block = Buffer.concat(pieces);
      // Synchronous on purpose: lines stay in order and are in the page cache before the next event is looked at.
      writeSync(descriptor, block);
      size += block.length;
      if (size >= bytesMax) rotate();
    } catch (error) {
      reportError("Failed to write a container log; output is lost", error);
    }
    wake();
  }

  function rotate(): void {
    closeSync(descriptor);
    renameSync(file, `${file}.1`);
    descriptor = openSync(file, "a");
    size = 0;
  }

  return {
    file,
    capture(stream, name) {
      let rest: Buffer = Buffer.alloc(0);
      stream.on("data", (chunk: Buffer) => {
        const split = splitLines(rest.length === 0 ? chunk : Buffer.concat([rest, chunk]), prefixes(clock, name));
        rest = split.rest;
        append(split.pieces);
      });
      stream.on("end", () => {
        if (rest.length > 0) append([prefixes(clock, name).full, rest, Buffer.from("\n")]);
      });
      // A broken pipe is an end; the process' exit says more.
      stream.on("error", () => undefined);
    },
    note(text) {
      append([prefixes(clock, "stderr").full, Buffer.from(`${text}\n`)]);
    },
    get isClosed() {
      return isClosed;
    },
    changed: () => (isClosed ? Promise.resolve() : new Promise((resolve) => waiters.push(resolve))),
    close() {
      if (isClosed) return;
      isClosed = true;
      closeSync(descriptor);
      wake();
    },
  };
}

/** Removes the logs of a run. */
export function removeContainerLog(file: string): void {
  rmSync(file, { force: true });
  rmSync(`${file}.1`, { force: true });
}

interface Prefixes {
  full: Buffer;
  partial: Buffer;
}

function prefixes(clock: Clock, stream: string): Prefixes {
  const time = clock.now().toISOString().replace("Z", "000000Z");
  return { full: Buffer.from(`${time} ${stream} F `), partial: Buffer.from(`${time} ${stream} P `) };
}

/** Cuts a chunk into prefixed lines; `rest` is the start of a line whose end has not come yet. */
function splitLines(chunk: Buffer, { full, partial }: Prefixes): { pieces: Buffer[]; rest: Buffer } {
  const pieces: Buffer[] = [];
  let start = 0;
  for (;;) {
    const end = chunk.indexOf(NEWLINE, start);
    if (end >= 0 && end - start <= LINE_BYTES_MAX) {
      pieces.push(full, chunk.subarray(start, end + 1));
      start = end + 1;
    } else if (chunk.length - start > LINE_BYTES_MAX) {
      pieces.push(partial, chunk.subarray(start, start + LINE_BYTES_MAX), Buffer.from("\n"));
      start += LINE_BYTES_MAX;
    } else {
      // Copied, so that a few waiting bytes do not hold on to the whole chunk.
      return { pieces, rest: Buffer.from(chunk.subarray(start)) };
    }
  }
}
