import type { Consumer, Destination } from "./consumer.ts";
import { deadLetter } from "./dead-letter.ts";
import type { Failure } from "./dead-letter.ts";
import { outgoing } from "./event-in-hand.ts";
import type { Job, StepResult } from "./job.ts";
import { readReply, sendReply } from "./reply.ts";
import { waitBeforeRetry } from "./retry-policy.ts";
import type { SendOutcome } from "./sender.ts";
import type { DeliveryTools } from "./tools.ts";
import { judge } from "./verdict.ts";
import type { Verdict } from "./verdict.ts";

const DEFERRAL_MS_MIN = 1_000;
const DEFERRAL_MS_MAX = 60_000;

/**
 * One attempt, with all that follows from it: reply, dead letter, or when to try again. Uses the consumer as it is now,
 * whatever it was when the event was accepted. Without a slot or an address the job is put off and no attempt counted.
 */
export async function attempt(job: Job, tools: DeliveryTools): Promise<StepResult> {
  const known = tools.consumers.find(job.consumerId);
  if (known === undefined) return { kind: "ended", ending: "dropped" };
  const { consumer, gate } = known;
  if (consumer.subscriber === undefined) return putOff(job, "Unresolved", tools);
  const pass = gate.enter(tools.clock.nowMs());
  if (typeof pass === "string") return putOff(job, pass, tools);

  const outcome = await sendTo(consumer.subscriber, { job, consumer }, tools);
  const verdict = judge(outcome, tools.clock.nowMs());
  pass.leave(tools.clock.nowMs(), verdict.isDown);
  note(job, `attempt ${job.attempts + 1}: ${verdict.code}`, tools);
  return conclude({ job: { ...job, attempts: job.attempts + 1, deferrals: 0 }, consumer, outcome, verdict }, tools);
}

interface Attempted {
  /** With this attempt counted. */
  readonly job: Job;
  readonly consumer: Consumer;
  readonly outcome: SendOutcome;
  readonly verdict: Verdict;
}

async function sendTo(
  destination: Destination,
  { job, consumer }: { readonly job: Job; readonly consumer: Consumer },
  tools: DeliveryTools,
): Promise<SendOutcome> {
  return tools.sender.send({
    consumerId: consumer.id,
    purpose: "deliver",
    destination,
    message: outgoing(job.hand, consumer.format, { remove: tools.stream.privateAttributes }),
    timeoutMs: consumer.retryPolicy.timeoutMs,
  });
}

async function conclude({ job, consumer, outcome, verdict }: Attempted, tools: DeliveryTools): Promise<StepResult> {
  if (verdict.kind === "delivered" && outcome.kind === "answered") {
    const reply = readReply(consumer, outcome);
    if (reply.kind === "none") return { kind: "ended", ending: "delivered" };
    if (reply.kind === "malformed") {
      return failed({ job, consumer, outcome, verdict: malformedReply(reply.reason) }, tools);
    }
    const failure = await sendReply(job, { consumer, reply: reply.hand }, tools);
    if (failure === undefined) return { kind: "ended", ending: "delivered" };
    return failure === "given-up" ? { kind: "given-up" } : deadLetter(job, failure, tools);
  }
  return failed({ job, consumer, outcome, verdict }, tools);
}

/** What the first broker said of an answer that is no event; it is worth another try, since services get mended. */
function malformedReply(reason: string): Verdict {
  return { kind: "retry", isDown: false, retryAfterMs: undefined, code: 502, data: Buffer.from(reason) };
}

async function failed({ job, consumer, verdict }: Attempted, tools: DeliveryTools): Promise<StepResult> {
  const { retryPolicy } = consumer;
  if (verdict.kind === "retry" && job.attempts <= retryPolicy.retry) {
    const waitMs = waitBeforeRetry(retryPolicy, job.attempts, { ...verdict, random: tools.random() });
    const again = { ...job, notBeforeMs: tools.clock.nowMs() + waitMs };
    return { kind: "again", job: again, reason: `answered ${verdict.code}` };
  }
  const failure: Failure = {
    reason: verdict.kind === "retry" ? "RetriesExhausted" : "Rejected",
    destination: consumer.subscriber?.url ?? "",
    code: verdict.code,
    data: verdict.data,
  };
  return deadLetter(job, failure, tools);
}

/** Jobs that wait for the same place must not come back together, or few of them find it free, time after time. */
function putOff(job: Job, reason: string, tools: DeliveryTools): StepResult {
  const meanMs = Math.min(DEFERRAL_MS_MAX, DEFERRAL_MS_MIN * 2 ** job.deferrals);
  const waitMs = meanMs * (0.5 + tools.random());
  const again = { ...job, deferrals: job.deferrals + 1, notBeforeMs: tools.clock.nowMs() + waitMs };
  return { kind: "again", job: again, reason };
}

function note(job: Job, detail: string, tools: DeliveryTools): void {
  const attributes = job.hand.event?.attributes;
  tools.note({
    atMs: tools.clock.nowMs(),
    consumerId: job.consumerId,
    source: attributes?.get("source") ?? "",
    id: attributes?.get("id") ?? "",
    what: "attempt",
    detail,
  });
}
