import type { EventEdits } from "@kelvin/cloudevents";
import { RecordTooLargeError } from "../bus.ts";
import type { Consumer, Destination } from "./consumer.ts";
import type { DeadLetterReason, DeadLetterStore } from "./dead-letter-store.ts";
import { outgoing } from "./event-in-hand.ts";
import type { Job, StepResult } from "./job.ts";
import { repeatUntilTaken } from "./repeat-until-taken.ts";
import { waitBeforeRetry } from "./retry-policy.ts";
import type { DeliveryTools } from "./tools.ts";
import { judge } from "./verdict.ts";

/** What failed last. */
export interface Failure {
  readonly reason: DeadLetterReason;
  /** The URL that failed. */
  readonly destination: string;
  readonly code: number;
  readonly data: Buffer;
}

/** The longest wait that holds a record in memory; a longer one goes to a step log. */
export const IN_PLACE_MS_MAX = 10_000;

/** Bytes of an answer that a dead letter quotes: 1024 characters of base64. */
const QUOTED_BYTES_MAX = 768;
const STORE_RETRY_MS = 1_000;

/** Knative's error extensions. The data is cut before it is encoded, so that what is there decodes. */
export function errorExtensions(failure: Failure): Record<string, string> {
  return {
    knativeerrordest: failure.destination,
    knativeerrorcode: String(failure.code),
    knativeerrordata: failure.data.subarray(0, QUOTED_BYTES_MAX).toString("base64"),
  };
}

/**
 * Brings an event that could not be delivered to its dead-letter sink; if there is none, or it does not take it, to the
 * dead-letter store. Waits in place, and for as long as the store is away: the record stays with the bus meanwhile.
 */
export async function deadLetter(job: Job, failure: Failure, tools: DeliveryTools): Promise<StepResult> {
  const consumer = tools.consumers.find(job.consumerId)?.consumer;
  if (consumer === undefined) return { kind: "ended", ending: "dropped" };
  if (consumer.deadLetter === undefined) return store(job, failure, tools);
  const sent = await sendDeadLetter({ job, consumer, failure, destination: consumer.deadLetter }, tools);
  if (sent === "given-up") return { kind: "given-up" };
  if (sent === "delivered") return { kind: "ended", ending: "dead-lettered" };
  return store(job, { ...failure, reason: "DeadLetterSinkFailed" }, tools);
}

interface DeadLetterCase {
  readonly job: Job;
  readonly consumer: Consumer;
  readonly failure: Failure;
  readonly destination: Destination;
}

async function sendDeadLetter(
  { job, consumer, failure, destination }: DeadLetterCase,
  tools: DeliveryTools,
): Promise<"delivered" | "failed" | "given-up"> {
  const edits: EventEdits = { set: errorExtensions(failure), remove: tools.stream.privateAttributes };
  const message = outgoing(job.hand, consumer.format, edits);
  const { retryPolicy } = consumer;
  for (let retry = 0; ; retry += 1) {
    const request = { consumerId: consumer.id, purpose: "deadLetter", destination, message } as const;
    const outcome = await tools.sender.send({ ...request, timeoutMs: retryPolicy.timeoutMs });
    const verdict = judge(outcome, tools.clock.nowMs());
    if (verdict.kind === "delivered") return "delivered";
    if (verdict.kind === "reject" || retry >= retryPolicy.retry) return "failed";
    const waitMs = waitBeforeRetry(retryPolicy, retry + 1, { ...verdict, random: tools.random() });
    if (!(await tools.waiting.pause(Math.min(waitMs, IN_PLACE_MS_MAX)))) return "given-up";
  }
}

/**
 * Keeps the event in the dead-letter store. What the store will never take whole it gets without the body, which is said:
 * whoever looks for the event finds what it was, and who sent it.
 */
export async function store(job: Job, failure: Failure, tools: DeliveryTools): Promise<StepResult> {
  const { headers, body } = job.hand;
  const detail = `${failure.destination} answered ${failure.code}: ${quote(failure.data)}`;
  const letter = { consumerId: job.consumerId, reason: failure.reason, detail, headers, body };
  try {
    return await keep(letter, tools);
  } catch (error) {
    if (!(error instanceof RecordTooLargeError)) throw error;
    tools.onFault(error);
    const why = `${failure.reason}; its body of ${body.length} bytes is not kept: ${error.message}; ${detail}`;
    return keep({ ...letter, reason: "TooLargeToKeep", detail: why, body: Buffer.alloc(0) }, tools);
  }
}

/** A store that refuses is mended by people; until then the record stays with the bus. */
async function keep(letter: Parameters<DeadLetterStore["append"]>[0], tools: DeliveryTools): Promise<StepResult> {
  const isStored = await repeatUntilTaken(() => tools.deadLetters.append(letter), {
    retryMs: STORE_RETRY_MS,
    waiting: tools.waiting,
    isPassing: (error) => !(error instanceof RecordTooLargeError),
  });
  return isStored ? { kind: "ended", ending: "stored" } : { kind: "given-up" };
}

function quote(data: Buffer): string {
  return data
    .subarray(0, 200)
    .toString("utf8")
    .replace(/\p{Cc}+/gu, " ");
}
