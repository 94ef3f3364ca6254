import { parseRetryAfter } from "./retry-policy.ts";
import type { SendOutcome } from "./sender.ts";

/** What an attempt means. */
export interface Verdict {
  /** `retry`: it may go better later. `reject`: the subscriber will never take this event. */
  readonly kind: "delivered" | "retry" | "reject";
  /** Whether the subscriber seems unwell, whatever it is sent: the circuit breaker counts these. */
  readonly isDown: boolean;
  /** How long the subscriber asks to be left alone. */
  readonly retryAfterMs: number | undefined;
  /** What the dead letter says: the status, 500 when there was none, and the start of the answer or the reason. */
  readonly code: number;
  readonly data: Buffer;
}

/** Statuses that are tried again although they are below 500: a route that is not there yet answers 404. */
const RETRIED = new Set([404, 408, 409, 429]);

/**
 * Knative's table: 2xx is delivered; no answer, 5xx, 404, 408, 409 and 429 are tried again; all else, redirects too, is
 * final. A redirect is not followed: a login page that answers 200 would count as delivered.
 */
export function judge(outcome: SendOutcome, nowMs: number): Verdict {
  if (outcome.kind === "unanswered") {
    const data = Buffer.from(`dispatch error: ${outcome.reason}`);
    return { kind: "retry", isDown: true, retryAfterMs: undefined, code: 500, data };
  }
  const { status, body } = outcome;
  if (status >= 200 && status < 300) {
    return { kind: "delivered", isDown: false, retryAfterMs: undefined, code: status, data: body };
  }
  const isRetried = status >= 500 || RETRIED.has(status);
  return {
    kind: isRetried ? "retry" : "reject",
    isDown: status >= 500 || status === 429,
    retryAfterMs: status === 429 || status === 503 ? retryAfter(outcome.headers, nowMs) : undefined,
    code: status,
    data: body,
  };
}

function retryAfter(headers: readonly string[], nowMs: number): number | undefined {
  for (let index = 0; index + 1 < headers.length; index += 2) {
    if (headers[index]?.toLowerCase() === "retry-after") return parseRetryAfter(headers[index + 1] ?? "", nowMs);
  }
  return undefined;
}
