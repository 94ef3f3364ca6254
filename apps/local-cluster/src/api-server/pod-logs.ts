/** Which part of a container's output is wanted. */
export interface LogOptions {
  /** Goes on as long as the container runs. */
  readonly follow?: boolean;
  /** The instance before the present one. */
  readonly previous?: boolean;
  readonly tailLines?: number;
  readonly sinceSeconds?: number;
  /** Each line starts with its RFC 3339 time. */
  readonly timestamps?: boolean;
  /** Ends a followed log. */
  readonly signal?: AbortSignal;
}

/** One container of one Pod, which exists in the API and is on a node. */
export interface ContainerName {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
}

/** The port through which the API server reads container output. The node agent implements it. */
export interface PodLogs {
  /**
   * The output so far and, when followed, what comes. Where there is none to give (not started yet, no earlier instance) the
   * first read rejects with a PodLogError, whose message the user sees.
   */
  openLog(container: ContainerName, options: LogOptions): AsyncIterable<Buffer>;
}

/** There is no such output; the message says why, as in `container "c" in pod "p" is waiting to start: ContainerCreating`. */
export class PodLogError extends Error {
  override readonly name = "PodLogError";
}
