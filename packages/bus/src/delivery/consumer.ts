import type { CloudEvent } from "@kelvin/cloudevents";
import type { RetryPolicy } from "./retry-policy.ts";

/**
 * Who gets the events of a stream: a Subscription of either generation, a Trigger, a branch. The data path knows
 * nothing else of the API; pure functions compile every object into this.
 */
export interface Consumer {
  /** Its identity at the bus: the same for the next object of the same name. */
  readonly id: string;
  /** Which object and which edition of its spec this was made from; for status alone. */
  readonly uid: string;
  readonly generation: number;
  /** The stream's ends when the consumer began (`BusLog.ends`): earlier events are not for it. Undefined: all are. */
  readonly since: string | undefined;
  /**
   * Where it begins in a stream that is read by `each`, when the bus has no reader of its id yet: with what is appended from
   * then on (`end`, the default), or with everything that the log holds (`beginning`). Other streams have `since`.
   */
  readonly from?: "beginning" | "end";
  /**
   * Nothing is read for it in a stream that is read by `each`, and no reader made, while nobody knows how that ought to be. What
   * waits for it already goes on waiting, as without a subscriber.
   */
  readonly isSuspended?: boolean;
  /**
   * Every `type` that an event may have for which `matches` can say yes, exactly as written; undefined when it may be any
   * (no filter, or one that does not pin the type: prefix, suffix, not, an `any` with a branch of another attribute). With
   * it a stream of a thousand consumers looks at those alone that an event's type leads to. It narrows and decides nothing:
   * `matches` is asked all the same, and a type that is missing here is an event that is silently not delivered.
   */
  readonly types: readonly string[] | undefined;
  /** Whether an event is for it. Undefined: every event is, those that are no CloudEvents too. */
  readonly matches: ((event: CloudEvent) => boolean) | undefined;
  /** Where to; undefined while its reference does not resolve: events wait, and no attempt is counted. */
  readonly subscriber: Destination | undefined;
  /** What becomes of an answer that is an event. */
  readonly reply: ReplyRule;
  /** Where events go that cannot be delivered, before the dead-letter store. */
  readonly deadLetter: Destination | undefined;
  readonly retryPolicy: RetryPolicy;
  /** Written in this form; undefined: as it came. */
  readonly format: "binary" | "structured" | undefined;
  readonly limits: ConsumerLimits;
}

/** An address that takes events by POST. */
export interface Destination {
  readonly url: string;
  /** PEM certificates that it may be signed by, besides the system's. */
  readonly caCertificates?: string;
}

/**
 * `to`: events are posted there, anything else is ignored (a Subscription). `anyTo`: every answer with a body is posted there
 * as it is, an event or not, and with the `knative-correlation-id` of what it answers unless it has one (a Subscription of
 * the founding kind). `stream`: events go back into the stream
 * they came from, and an answer with a body that is no event is a failure (a Trigger). `none`: answers are ignored.
 */
export type ReplyRule =
  | { readonly kind: "to"; readonly destination: Destination }
  | { readonly kind: "anyTo"; readonly destination: Destination }
  | { readonly kind: "stream" }
  | { readonly kind: "none" };

/** What one consumer may take of this process. */
export interface ConsumerLimits {
  /** Attempts at once: 1 or more. */
  readonly inFlight: number;
  /** Attempts a second, as a bucket of one second's size; undefined: as many as come. */
  readonly ratePerSecond: number | undefined;
  /** Records in its backlog; the next one goes to the dead-letter store. */
  readonly backlog: number;
}
