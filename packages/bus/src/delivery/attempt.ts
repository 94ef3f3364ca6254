import type { Consumer, Destination } from "./consumer.ts";
import type { KnownConsumer } from "./consumer-table.ts";
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

/** How long a job is put off that could not be attempted: briefly in a burst, else so long that it waits in a step log. */
const BRIEF_DEFERRAL_MS = 1_000;
const DEFERRAL_MS = 10_000;
const LONG_DEFERRAL_MS = 60_000;
const LONG_DEFERRALS_FROM = 6;
/** Deferrals are lengthened by up to this part, so that what was put off together does not return together. */
const DEFERRAL_JITTER = 0.25;

/**
 * One attempt, with all that follows from it: reply, dead letter, or when to try again. Uses the consumer as it is now,
 * whatever it was when the event was accepted. Without a slot or an address the job is put off and no attempt counted.
 */
export async function attempt(job: Job, tools: DeliveryTools): Promise<StepResult> {
  const known = tools.consumers.find(job.consumerId);
  if (known === undefined) return { kind: "ended", ending: "dropped" };
  const { consumer, gate } = known;
  if (consumer.subscriber === undefined) return putOff(job, { known, waitMs: 0 }, tools);
  const pass = gate.enter(tools.clock.nowMs(), job.hasTurn);
  if (pass.kind === "refused") {
    const { waitMs, hasTurn } = pass;
    if (hasTurn && !job.hasTurn) return takeTurn(job, waitMs, tools);
    return putOff(job, { known, waitMs }, tools);
  }

  const outcome = await sendTo(consumer.subscriber, { job, consumer }, tools);
  const verdict = judge(outcome, tools.clock.nowMs());
  pass.leave(tools.clock.nowMs(), verdict.isDown);
  note(job, `attempt ${job.attempts + 1}: ${verdict.code}`, tools);
  const counted: Job = { ...job, attempts: job.attempts + 1, deferrals: 0, hasTurn: false };
  return conclude({ job: counted, consumer, outcome, verdict }, tools);
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
    const reply = readReply(consumer, { original: job.hand, outcome });
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
    return { kind: "again", job: again, isDeferred: false };
  }
  const failure: Failure = {
    reason: verdict.kind === "retry" ? "RetriesExhausted" : "Rejected",
    destination: consumer.subscriber?.url ?? "",
    code: verdict.code,
    data: verdict.data,
  };
  return deadLetter(job, failure, tools);
}

function takeTurn(job: Job, waitMs: number, tools: DeliveryTools): StepResult {
  const again = { ...job, hasTurn: true, notBeforeMs: tools.clock.nowMs() + waitMs };
  return { kind: "again", job: again, isDeferred: false };
}

/**
 * A burst is spread over a moment. A consumer that many events wait for already would fill what short waits are waited in
 * with them, and others would wait behind: its events wait elsewhere, longer.
 */
function putOff(
  job: Job,
  { known, waitMs }: { readonly known: KnownConsumer; readonly waitMs: number },
  tools: DeliveryTools,
): StepResult {
  const { backlog, consumer } = known;
  const isBurst = job.deferrals === 0 && backlog < consumer.limits.inFlight && consumer.subscriber !== undefined;
  const longMs = job.deferrals < LONG_DEFERRALS_FROM ? DEFERRAL_MS : LONG_DEFERRAL_MS;
  const deferralMs = isBurst
    ? BRIEF_DEFERRAL_MS * (0.5 + tools.random())
    : longMs * (1 + DEFERRAL_JITTER * tools.random());
  const notBeforeMs = tools.clock.nowMs() + Math.max(waitMs, deferralMs);
  return { kind: "again", job: { ...job, deferrals: job.deferrals + 1, notBeforeMs }, isDeferred: true };
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
