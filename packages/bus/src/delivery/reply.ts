import { decodeEvent, MalformedEventError, messageMode } from "@kelvin/cloudevents";
import { BusError, BusRefusedError, RecordTooLargeError } from "../bus.ts";
import type { Consumer, Destination } from "./consumer.ts";
import { IN_PLACE_MS_MAX } from "./dead-letter.ts";
import type { Failure } from "./dead-letter.ts";
import { outgoing } from "./event-in-hand.ts";
import type { EventInHand } from "./event-in-hand.ts";
import type { Job } from "./job.ts";
import { waitBeforeRetry } from "./retry-policy.ts";
import type { SendOutcome } from "./sender.ts";
import type { DeliveryTools } from "./tools.ts";
import { judge } from "./verdict.ts";

/** The header by which requests and their answers are matched, since 2018. */
const CORRELATION_ID = "knative-correlation-id";
/** What an answer says of its own hop, and no message of itself. */
const RETRY_AFTER = "retry-after";

/** What an answer holds: something to send on, nothing that matters here, or something that ought to be an event. */
export type ReplyContent =
  | { readonly kind: "reply"; readonly hand: EventInHand }
  | { readonly kind: "none" }
  | { readonly kind: "malformed"; readonly reason: string };

/**
 * Reads the answer of a subscriber that took an event. 202 is never a reply, whatever it carries, but where any answer is one.
 * Where replies go back
 * into the stream, a body that is no event is malformed; elsewhere it is nobody's business.
 */
export function readReply(
  consumer: Consumer,
  { original, outcome }: { readonly original: EventInHand; readonly outcome: SendOutcome & { kind: "answered" } },
): ReplyContent {
  const { status, headers, body } = outcome;
  if (consumer.reply.kind === "anyTo") return anyReply(original, outcome);
  if (consumer.reply.kind === "none" || status === 202) return { kind: "none" };
  try {
    const mode = messageMode(headers);
    if (mode === "none") {
      if (body.length === 0 || consumer.reply.kind === "to") return { kind: "none" };
      return { kind: "malformed", reason: "the answer has a body that is no CloudEvent" };
    }
    return { kind: "reply", hand: { headers, body, event: decodeEvent(headers, body) } };
  } catch (error) {
    if (!(error instanceof MalformedEventError)) throw error;
    return { kind: "malformed", reason: error.message };
  }
}

function anyReply(original: EventInHand, { headers, body }: SendOutcome & { kind: "answered" }): ReplyContent {
  if (body.length === 0) return { kind: "none" };
  const correlation =
    headerOf(headers, CORRELATION_ID) === undefined ? headerOf(original.headers, CORRELATION_ID) : undefined;
  const own = withoutHeader(headers, RETRY_AFTER);
  const all = correlation === undefined ? own : [...own, CORRELATION_ID, correlation];
  return { kind: "reply", hand: { headers: all, body, event: undefined } };
}

function headerOf(headers: readonly string[], name: string): string | undefined {
  const at = headers.findIndex((header, index) => index % 2 === 0 && header.toLowerCase() === name);
  return at === -1 ? undefined : headers[at + 1];
}

function withoutHeader(headers: readonly string[], name: string): string[] {
  return headers.filter((_, index) => (headers[index - (index % 2)] ?? "").toLowerCase() !== name);
}

/** Sends a reply where it belongs. Undefined when it got there; "given-up" when the engine closed meanwhile. */
export async function sendReply(
  job: Job,
  { consumer, reply }: { readonly consumer: Consumer; readonly reply: EventInHand },
  tools: DeliveryTools,
): Promise<Failure | "given-up" | undefined> {
  const { retryPolicy, reply: rule } = consumer;
  for (let retry = 0; ; retry += 1) {
    const failure =
      rule.kind === "to" || rule.kind === "anyTo"
        ? await post(consumer, { destination: rule.destination, reply }, tools)
        : await acceptIntoStream(job, reply, tools);
    if (failure === undefined) return undefined;
    if (failure.isFinal || retry >= retryPolicy.retry) return failure;
    const waitMs = waitBeforeRetry(retryPolicy, retry + 1, { random: tools.random() });
    if (!(await tools.waiting.pause(Math.min(waitMs, IN_PLACE_MS_MAX)))) return "given-up";
  }
}

type ReplyFailure = Failure & { readonly isFinal: boolean };

async function post(
  consumer: Consumer,
  { destination, reply }: { readonly destination: Destination; readonly reply: EventInHand },
  tools: DeliveryTools,
): Promise<ReplyFailure | undefined> {
  const outcome = await tools.sender.send({
    consumerId: consumer.id,
    purpose: "reply",
    destination,
    message: outgoing(reply, undefined, {}),
    timeoutMs: consumer.retryPolicy.timeoutMs,
  });
  const verdict = judge(outcome, tools.clock.nowMs());
  if (verdict.kind === "delivered") return undefined;
  const { code, data } = verdict;
  return { reason: "ReplyFailed", destination: destination.url, code, data, isFinal: verdict.kind === "reject" };
}

async function acceptIntoStream(job: Job, reply: EventInHand, tools: DeliveryTools): Promise<ReplyFailure | undefined> {
  try {
    await tools.stream.acceptReply(reply, job.hand);
    return undefined;
  } catch (error) {
    if (!(error instanceof BusError)) throw error;
    const isFinal = error instanceof BusRefusedError || error instanceof RecordTooLargeError;
    const data = Buffer.from(error.message);
    return { reason: "ReplyFailed", destination: "the stream itself", code: isFinal ? 400 : 503, data, isFinal };
  }
}
