/** Where the load goes: a connection to `host:port`, asking for `hostHeader`. */
export interface LoadTarget {
  readonly host: string;
  readonly port: number;
  readonly hostHeader: string;
  /** How long an answer, the next chunk of a stream, or an echo may take. */
  readonly timeoutMs: number;
}
