/** One container's output. The names are Kubernetes' own, of one incarnation of the Build. */
export interface LogName {
  readonly namespace: string;
  readonly build: string;
  readonly buildUid: string;
  readonly pod: string;
  readonly container: string;
}

/** How far a log has come. */
export interface LogEnd {
  /** The time of the last line; undefined for an empty log. */
  readonly lastTime: string | undefined;
  /** How many of the last lines have that time. */
  readonly lastTimeCount: number;
  readonly bytes: number;
  /** Whether nothing will be added. */
  readonly isComplete: boolean;
}

/** One log that is being written, by one writer at a time. */
export interface LogWriter {
  readonly end: LogEnd;
  /** Adds lines, each `<time> <text>` without its newline. Once resolved they survive the end of this process. */
  append(lines: readonly string[]): Promise<void>;
  /** Says that nothing will be added. */
  complete(): Promise<void>;
  close(): Promise<void>;
}

/** What is kept of one Build. */
export interface StoredBuild {
  readonly namespace: string;
  readonly build: string;
  readonly buildUid: string;
  readonly bytes: number;
  /** When anything of it was last written. */
  readonly writtenMs: number;
}

/** One log of a Build. */
export interface StoredLog extends LogName {
  readonly bytes: number;
  readonly isComplete: boolean;
}

/**
 * Keeps the output of containers beyond the life of their Pods. A log is whole lines in the order they were written; a
 * writer that is killed leaves a log that another can go on with, without a line lost or repeated.
 */
export interface LogStore {
  /** Goes on with a log, or begins it. */
  open(name: LogName): Promise<LogWriter>;
  /** The lines so far as they were appended. Nothing for a log that is not there. */
  read(name: LogName): AsyncIterable<Buffer>;
  /** The logs of a Build, by Pod and container. */
  list(build: Pick<StoredBuild, "namespace" | "build" | "buildUid">): Promise<StoredLog[]>;
  /** All Builds of which anything is kept, or those of one namespace and name. */
  listBuilds(only?: { readonly namespace: string; readonly build: string }): Promise<StoredBuild[]>;
  /** Forgets a Build. */
  remove(build: Pick<StoredBuild, "namespace" | "build" | "buildUid">): Promise<void>;
}
