import { stringAt, type ApiObject } from "../api-server/api-object.ts";

/** One commit as the log keeps it. `object` is absent for a removal. */
export interface JournalRecord {
  readonly type: string;
  readonly key: string;
  readonly revision: number;
  readonly object: ApiObject | undefined;
}

/** What a journal recovered at its opening. */
export interface JournalState {
  /** Not below any revision that was ever handed out. */
  readonly revision: number;
  readonly objects: readonly { readonly type: string; readonly key: string; readonly object: ApiObject }[];
}

/** Keeps commits in their order. The store calls it synchronously within each commit. */
export interface Journal {
  /**
   * Asked before a commit that is to be kept: whether the disk takes writes.
   *
   * @throws JournalWriteError when the last write failed, or too much waits already. Nothing may be committed then.
   */
  requireWritable(): void;
  /**
   * Promises that no revision up to this one is handed out again after a crash.
   *
   * @throws JournalWriteError when that cannot be promised. The revision must not be handed out then.
   */
  reserve(revision: number): void;
  append(record: JournalRecord): void;
  /**
   * Resolves when all records appended before are on disk.
   *
   * @throws JournalWriteError when they could not be written. They stay in memory and in order, and are written as soon as
   * the disk takes writes again; until then `requireWritable` throws.
   */
  durable(): Promise<void>;
  /** Writes what is left, as `durable` does. */
  close(): Promise<void>;
}

/** The disk refuses writes; `message` says why and what to do. */
export class JournalWriteError extends Error {
  override readonly name = "JournalWriteError";
  /** There is no room left, rather than something broken. */
  readonly isFull: boolean;

  constructor(message: string, { isFull = false, cause }: { isFull?: boolean; cause?: unknown } = {}) {
    super(message, { cause });
    this.isFull = isFull;
  }
}

const fullCodes = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);

/** What the file system said, in words for the user who has to mend it. */
export function journalWriteError(directory: string, cause: unknown): JournalWriteError {
  const text = cause instanceof Error ? cause.message : String(cause);
  const code = stringAt(cause, "code");
  const isFull = fullCodes.has(code);
  const problem = isFull ? `no space is left for ${directory}` : `${directory} cannot be written`;
  const remedy = isFull ? "free some" : "mend it";
  return new JournalWriteError(`${problem} (${text}): ${remedy}, and writing goes on by itself`, { isFull, cause });
}
