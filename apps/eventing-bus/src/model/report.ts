/** What one replica of a bus serves, as it tells the role `control`. */
export interface BusReport {
  readonly bus: string;
  /** The Pod's name. */
  readonly replica: string;
  /** Changes with the rest; never the same for two processes. */
  readonly version: string;
  /** Whether the replica has seen everything once. Before that, what is absent here says nothing. */
  readonly synced: boolean;
  readonly trouble: ReportedTrouble | null;
  /** By the uid of the Broker, Channel or InMemoryChannel. */
  readonly streams: Readonly<Record<string, ServedStream>>;
  /** By the uid of the Trigger or Subscription. */
  readonly consumers: Readonly<Record<string, ServedConsumer>>;
}

/** Since when the broker is away, in milliseconds since 1970, and what it or the network said. */
export interface ReportedTrouble {
  readonly sinceMs: number;
  readonly reason: string;
}

/**
 * `serving`: every event from now on is accepted, or delivered. `failed`: the message says why not; it is tried again.
 * `removed`: the object is being deleted, and what it had at the broker is gone.
 */
export type ServedState = "serving" | "failed" | "removed";

/** How one replica stands to a stream. */
export interface ServedStream {
  /** Of the object's spec that is served. */
  readonly generation: number;
  readonly state: ServedState;
  /** Empty unless failed. */
  readonly message: string;
}

/** How one replica stands to a consumer. */
export interface ServedConsumer extends ServedStream {
  /** Where in its stream it begins; null for a consumer that needs no such place. Control writes it into the status. */
  readonly since: string | null;
  /** Events in the dead-letter store. */
  readonly deadLetters: number;
  /** Events that wait for another attempt. */
  readonly backlog: number;
}

/** Where the report is: on the internal port. `after` is the version known; the answer comes when there is another. */
export const reportPath = "/report";

/** How long a replica waits for news before it answers with what is known already. */
export const reportWaitMsMax = 10_000;

/** A greater report is refused: that of 50 000 consumers fits. */
export const reportBytesMax = 16 * 1024 * 1024;

/** Reads a replica's answer. @throws Error naming the field that is wrong. */
export function parseReport(text: string): BusReport {
  const report = record(JSON.parse(text), "the report");
  return {
    bus: string(report["bus"], "bus"),
    replica: string(report["replica"], "replica"),
    version: string(report["version"], "version"),
    synced: boolean(report["synced"], "synced"),
    trouble: report["trouble"] === null ? null : parseTrouble(report["trouble"]),
    streams: mapValues(report["streams"], "streams", parseStream),
    consumers: mapValues(report["consumers"], "consumers", parseConsumer),
  };
}

function parseTrouble(given: unknown): ReportedTrouble {
  const trouble = record(given, "trouble");
  return {
    sinceMs: count(trouble["sinceMs"], "trouble.sinceMs"),
    reason: string(trouble["reason"], "trouble.reason"),
  };
}

function parseStream(given: unknown, path: string): ServedStream {
  const served = record(given, path);
  const { state } = served;
  if (state !== "serving" && state !== "failed" && state !== "removed") {
    throw new Error(`${path}.state: must be serving, failed or removed`);
  }
  return {
    generation: count(served["generation"], `${path}.generation`),
    state,
    message: string(served["message"], `${path}.message`),
  };
}

function parseConsumer(given: unknown, path: string): ServedConsumer {
  const served = record(given, path);
  return {
    ...parseStream(given, path),
    since: served["since"] === null ? null : string(served["since"], `${path}.since`),
    deadLetters: count(served["deadLetters"], `${path}.deadLetters`),
    backlog: count(served["backlog"], `${path}.backlog`),
  };
}

function mapValues<T>(given: unknown, path: string, parse: (value: unknown, path: string) => T): Record<string, T> {
  const entries = Object.entries(record(given, path)).map(([key, value]) => [key, parse(value, `${path}.${key}`)]);
  return Object.fromEntries(entries) as Record<string, T>;
}

function record(given: unknown, path: string): Record<string, unknown> {
  if (typeof given === "object" && given !== null && !Array.isArray(given)) return given as Record<string, unknown>;
  throw new Error(`${path}: must be an object`);
}

function string(given: unknown, path: string): string {
  if (typeof given === "string") return given;
  throw new Error(`${path}: must be a text`);
}

function boolean(given: unknown, path: string): boolean {
  if (typeof given === "boolean") return given;
  throw new Error(`${path}: must be true or false`);
}

function count(given: unknown, path: string): number {
  if (typeof given === "number" && Number.isSafeInteger(given) && given >= 0) return given;
  throw new Error(`${path}: must be a whole number, 0 or more`);
}
