import type { Clock } from "../clock.ts";
import type { Timeouts } from "../timeouts.ts";
import type { ConsumerTable } from "./consumer-table.ts";
import type { DeadLetterStore } from "./dead-letter-store.ts";
import type { EventInHand } from "./event-in-hand.ts";
import type { LedgerEntry } from "./ledger.ts";
import type { Sender } from "./sender.ts";
import type { Waiting } from "./waiting.ts";

/** What is particular to the stream that events come from. */
export interface StreamRules {
  /** Attributes that are the stream's own business; nobody else sees them. */
  readonly privateAttributes: readonly string[];
  /**
   * Whether messages are carried as they come, whatever they are: nothing is read of them or written anew, so that no
   * consumer of the stream may have `matches`, `types` or `format`. Default: no, they are CloudEvents, mostly.
   */
  readonly isOpaque?: boolean;
  /**
   * Takes an answer back into the stream. Resolves when it is durable.
   *
   * @throws BusError: the answer is then offered again, but for BusRefusedError and RecordTooLargeError, which are final.
   */
  acceptReply(reply: EventInHand, original: EventInHand): Promise<void>;
}

/** What every part of the engine works with. */
export interface DeliveryTools {
  readonly clock: Clock;
  /** From [0, 1): jitter. */
  readonly random: () => number;
  readonly waiting: Waiting;
  /** For limits that nearly never strike; a wait that is meant goes to `waiting`. */
  readonly timeouts: Timeouts;
  readonly sender: Sender;
  readonly consumers: ConsumerTable;
  readonly deadLetters: DeadLetterStore;
  readonly stream: StreamRules;
  /** Told of everything that happens to an event; must not throw and does not wait. */
  readonly note: (entry: LedgerEntry) => void;
  /** Told of errors that are ours; the record they struck goes back to the bus. */
  readonly onFault: (error: unknown) => void;
}
