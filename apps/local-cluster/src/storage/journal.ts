import type { ApiObject } from "../api-server/api-object.ts";

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
  append(record: JournalRecord): void;
  /** Promises that no revision up to this one is handed out again after a crash. */
  reserve(revision: number): void;
  /** Resolves when all records appended before are on disk. @throws JournalWriteError when they could not be written. */
  durable(): Promise<void>;
  close(): Promise<void>;
}

/** The disk refused a write. Nothing is lost in memory; the write is tried again with the next one. */
export class JournalWriteError extends Error {
  override readonly name = "JournalWriteError";
}
