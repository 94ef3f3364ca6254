/**
 * The port to an event bus: durable logs that records are appended to, and readers that work them off.
 *
 * What every adapter promises:
 *
 * 1. **Durable before told.** `append` resolves only when the record is as safe as this bus can make it. A record whose
 *    `append` rejected may still be there; one whose `append` resolved is.
 * 2. **At least once.** Every record appended after a reader was made is handed to one open handle of that reader, again
 *    and again, until `finish` of one of its `HeldRecord`s has resolved. Nothing else ends it: no count of attempts, no
 *    age, no restart of the broker, no kill of the process that held it.
 * 3. **No record stands in another's way.** Records may be finished in any order. An unfinished record delays others only
 *    by the place it takes in the window (`inFlightMax`).
 * 4. **Readers are strangers.** What one does changes nothing for another, but that together they decide how long a
 *    record is kept: until each has finished it.
 * 5. **Order of accepting.** Records of one key are handed out for the first time in the order in which their appends
 *    resolved, as long as one handle reads the log. Without a key there is no order.
 *
 * Whatever fails fails with one of the errors below; nothing is retried for ever, and nothing is dropped in silence.
 */
export interface Bus {
  /** The bus's kind, for people: `stub`, `nats`, `kafka`, `gcppubsub`. */
  readonly kind: string;
  /** The greatest record that `append` takes: bytes of all headers, names too, and of the body. */
  readonly recordBytesMax: number;
  /** What people need to know while the broker is away; undefined while it answers. */
  readonly trouble: BusTrouble | undefined;

  /**
   * Makes the log at the broker, or takes over the one that is there, and opens it. A second call with the same spec
   * gives a second handle.
   *
   * @throws BusUnavailableError, or BusRefusedError when the broker has it with settings that cannot be changed.
   */
  openLog(spec: LogSpec): Promise<BusLog>;

  /** Opens the log if it is at the broker; undefined when it is not. */
  findLog(spec: LogSpec): Promise<BusLog | undefined>;

  /** Removes the log, its readers and what they have not finished. A log that is not there counts as removed. */
  deleteLog(id: string): Promise<void>;

  /** Closes every handle; what is held is given back. Resolves when finished records are known to the broker. */
  close(): Promise<void>;
}

/** Since when the broker does not answer, and what it or the network said last. */
export interface BusTrouble {
  readonly sinceMs: number;
  readonly reason: string;
}

/** @see Bus.openLog */
export interface LogSpec {
  /** The name at the broker. Two logs of one broker never share it; `brokerName` makes such names. */
  readonly id: string;
  /** How many independent orders the log has: 1 to 256. It cannot be lowered. */
  readonly partitions: number;
  /** How many bytes may wait unfinished before `append` rejects with LogFullError. Not every broker can tell. */
  readonly unfinishedBytesMax: number;
  /** What the adapter alone understands, checked by it. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** What is appended: an event's message, untouched by the bus. */
export interface BusRecord {
  /** Name, value, name, value; order and doubles are kept, names come back in any case. Printable ASCII. */
  readonly headers: readonly string[];
  readonly body: Buffer;
  /** Records of one key share a partition. */
  readonly key?: string;
}

/** An open log. */
export interface BusLog {
  readonly id: string;

  /**
   * @throws LogFullError, RecordTooLargeError, or BusUnavailableError; after the last the record may be there or not.
   */
  append(record: BusRecord): Promise<void>;

  /** The log's ends at this moment, as text to keep. Compare with `HeldRecord.isAfter`. */
  ends(): Promise<string>;

  /** Makes the reader at the broker or takes it over, and opens a handle that is handed records from now on. */
  openReader(spec: ReaderSpec): Promise<BusReader>;

  /** Removes a reader; tells how many records it had not finished, as far as the broker knows. */
  deleteReader(id: string): Promise<number>;

  /** How much a reader has not finished yet; zero for one that is not there. */
  backlog(readerId: string): Promise<Backlog>;

  close(): Promise<void>;
}

/** @see BusLog.openReader */
export interface ReaderSpec {
  /** Handles of one id share the records among them. */
  readonly id: string;
  /** Where a reader begins that is not at the broker yet. */
  readonly from: "end" | "beginning";
  /** How many records one handle may hold: at least 1. */
  readonly inFlightMax: number;
  /** Is handed each record. It must return at once and end the record later; what it throws gives the record back. */
  readonly onRecord: (record: HeldRecord) => void;
}

/** A record in the hands of a reader. End it with `finish` or `release`; both are harmless when repeated. */
export interface HeldRecord extends BusRecord {
  /** When the bus accepted it. */
  readonly acceptedAtMs: number;
  /** How often a holder vanished with it before, as far as the bus can tell. */
  readonly lostHolders: number;
  /**
   * When the broker removes it, finished or not, for somebody has set so there: milliseconds since 1970. Absent: never. What
   * is not finished by then must be kept elsewhere before.
   */
  readonly expiresAtMs?: number;

  /** Whether it was appended after `ends` were taken. */
  isAfter(ends: string): boolean;

  /**
   * Says that it need never be handed out again. Once this has resolved it never is.
   *
   * @throws BusUnavailableError: then it will be.
   */
  finish(): Promise<void>;

  /** Gives it back at once: it will be handed out again, to whichever handle has room. */
  release(): void;
}

/** How much waits. */
export interface Backlog {
  readonly records: number;
  /** When the oldest of them was accepted; undefined when none waits or the broker cannot tell. */
  readonly oldestMs: number | undefined;
}

/** An open handle of a reader. */
export interface BusReader {
  /** Hands out no more until `resume`; what is held stays so. */
  pause(): void;
  resume(): void;
  /** Gives back what is held and resolves when what was finished is known to the broker. */
  close(): Promise<void>;
}

/** The base of what a bus fails with. */
export class BusError extends Error {}

/** The broker is away, or did not answer in time. Try again later; producers get 503. */
export class BusUnavailableError extends BusError {
  override readonly name = "BusUnavailableError";
}

/** The broker refuses for a reason that waiting does not mend: credentials, settings, limits. The message says which. */
export class BusRefusedError extends BusError {
  override readonly name: string = "BusRefusedError";
}

/** As much waits in the log as is allowed. Producers get 429. */
export class LogFullError extends BusError {
  override readonly name = "LogFullError";
}

/** The record is greater than `Bus.recordBytesMax`. Producers get 413. */
export class RecordTooLargeError extends BusError {
  override readonly name = "RecordTooLargeError";
}

/** The bytes of a record as limits count them. */
export function recordBytes(record: BusRecord): number {
  let bytes = record.body.length;
  for (const text of record.headers) bytes += text.length;
  return bytes;
}
