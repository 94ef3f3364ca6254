import type { EventMessage } from "@kelvin/cloudevents";
import type { Destination } from "./consumer.ts";

/** One POST. */
export interface SendRequest {
  readonly consumerId: string;
  /** What the POST is for: it decides which headers go with it (`Prefer: reply` to subscribers). */
  readonly purpose: "deliver" | "reply" | "deadLetter";
  readonly destination: Destination;
  readonly message: EventMessage;
  readonly timeoutMs: number;
}

/** What came of it. Bodies are cut at a bound that the sender sets. */
export type SendOutcome =
  | { readonly kind: "answered"; readonly status: number; readonly headers: readonly string[]; readonly body: Buffer }
  /** Refused, reset, timed out, not resolved: nobody knows what the other side did. */
  | { readonly kind: "unanswered"; readonly reason: string };

/** Posts events. It never follows redirects, never repeats by itself, and never rejects. */
export interface Sender {
  send(request: SendRequest): Promise<SendOutcome>;
}
