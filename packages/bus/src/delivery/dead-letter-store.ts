/**
 * Why an event is in the store and not with its consumer. `NotParked`: the bus refused it where it was to wait.
 * `Expiring`: the broker was about to remove it, undelivered, for its age.
 * `TooLargeToKeep`: the store refused it whole, so its headers are here and its body is not; it cannot be put back.
 */
export type DeadLetterReason =
  | "RetriesExhausted"
  | "Rejected"
  | "ReplyFailed"
  | "DeadLetterSinkFailed"
  | "BacklogFull"
  | "NotParked"
  | "TooLargeToKeep"
  | "Expiring"
  | "Poison";

/** An event that could not be delivered, kept until somebody puts it back or throws it away. */
export interface DeadLetter {
  /** Made by the store; sorts by age. */
  readonly id: string;
  readonly consumerId: string;
  readonly reason: DeadLetterReason;
  /** What failed last, for people. */
  readonly detail: string;
  readonly storedAtMs: number;
  readonly headers: readonly string[];
  readonly body: Buffer;
}

/** Keeps dead letters as durably as the bus keeps events. */
export interface DeadLetterStore {
  /**
   * Resolves when the letter is kept.
   *
   * @throws BusUnavailableError; RecordTooLargeError when it never will be; BusRefusedError or LogFullError when somebody
   * must first change something at the broker.
   */
  append(letter: Omit<DeadLetter, "id" | "storedAtMs">): Promise<void>;
  /** A consumer's letters, oldest first, after the given id; at most `limit`. */
  list(consumerId: string, page: { readonly after?: string; readonly limit: number }): Promise<readonly DeadLetter[]>;
  /** Removes one; false when it was not there (any more). */
  remove(consumerId: string, id: string): Promise<boolean>;
  /** How many a consumer has, and how many were thrown out because the store was full. */
  count(consumerId: string): Promise<{ readonly letters: number; readonly evicted: number }>;
  /** Throws away all of a consumer that is gone; tells how many there were. */
  clear(consumerId: string): Promise<number>;
}
