import type { Clock } from "@kelvin/kube";
import { journalWriteError, JournalWriteError } from "./journal.ts";

/** Lines wait in memory while a write is under way, up to this size; beyond it nothing more is taken. */
const pendingLengthMax = 64 * 1024 * 1024;
const retryDelayMs = 500;

export interface Batches {
  push(line: string): void;
  /** Why nothing more should be pushed; `undefined` while all is well. */
  refusal(): JournalWriteError | undefined;
  /** Resolves when all lines pushed before are written. @throws JournalWriteError */
  flushed(): Promise<void>;
  /** Ends the tries that are made without being asked. */
  close(): void;
}

export interface BatchesOptions {
  readonly directory: string;
  readonly clock: Clock;
  /** Writes and syncs. After a failure the same bytes come again, and more. */
  readonly write: (bytes: Buffer) => Promise<void>;
}

/**
 * Gathers lines while a write is under way, and those of one turn of the event loop; a write takes all of them at once. After a failed write everything is
 * kept, in its order, and tried again every half second until the disk takes it.
 */
export function makeBatches({ directory, clock, write }: BatchesOptions): Batches {
  let pending: string[] = [];
  let pendingLength = 0;
  let pushedCount = 0;
  let writtenCount = 0;
  let writing: Promise<void> | undefined;
  let failure: JournalWriteError | undefined;
  let cancelRetry: (() => void) | undefined;
  let isClosed = false;

  async function writeBatch(): Promise<void> {
    // All requests that have come by now share the write: a write for each costs more than they do themselves.
    await new Promise((resolve) => setImmediate(resolve));
    const lines = pending;
    const length = pendingLength;
    pending = [];
    pendingLength = 0;
    try {
      await write(Buffer.from(lines.join("")));
      writtenCount += lines.length;
      failure = undefined;
    } catch (error) {
      pending = [...lines, ...pending];
      pendingLength += length;
      failure = journalWriteError(directory, error);
      retryLater();
      throw failure;
    }
  }

  function retryLater(): void {
    if (isClosed || cancelRetry !== undefined) return;
    cancelRetry = clock.setTimer(() => {
      cancelRetry = undefined;
      // A failure is kept for whoever wants to write, and has planned the next try.
      flushed().catch(() => undefined);
    }, retryDelayMs);
  }

  async function flushed(): Promise<void> {
    const target = pushedCount;
    while (writtenCount < target) {
      writing ??= writeBatch().finally(() => {
        writing = undefined;
      });
      // oxlint-disable-next-line no-await-in-loop -- a batch may begin while another one is written
      await writing;
    }
  }

  return {
    push(line) {
      pending.push(line);
      pendingLength += line.length;
      pushedCount += 1;
    },
    refusal() {
      if (failure !== undefined || pendingLength <= pendingLengthMax) return failure;
      return new JournalWriteError(`${directory} takes writes too slowly, and too many are waiting; try again later`);
    },
    flushed,
    close() {
      isClosed = true;
      cancelRetry?.();
    },
  };
}
