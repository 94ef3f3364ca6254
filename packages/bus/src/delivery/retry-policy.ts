/** How often and how patiently an event is offered again. All times in milliseconds. */
export interface RetryPolicy {
  /** Attempts after the first: 0 or more. */
  readonly retry: number;
  /** Without it the attempts follow one another at once (as Knative does when one of the two fields is missing). */
  readonly backoff: Backoff | undefined;
  /** The longest an attempt may take. */
  readonly timeoutMs: number;
  /** How far a subscriber's Retry-After is obeyed; undefined: not at all. */
  readonly retryAfterMaxMs?: number;
}

/** `linear` waits n·delay before the n-th retry, `exponential` delay·2ⁿ⁻¹. */
export interface Backoff {
  readonly policy: "linear" | "exponential";
  readonly delayMs: number;
}

/** What holds without a `delivery` in the spec, in both generations of the API. */
export const DEFAULT_RETRY_POLICY: RetryPolicy = {
  retry: 10,
  backoff: { policy: "exponential", delayMs: 200 },
  timeoutMs: 30_000,
};

/** No wait is longer: a policy of 30 exponential retries would otherwise wait for decades. */
export const WAIT_MAX_MS = 24 * 60 * 60 * 1000;

/** Waits are lengthened by up to this part, so that events which failed together do not return together. */
const JITTER = 0.1;

/**
 * How long to wait before a retry.
 *
 * @param retryNumber 1 for the first.
 * @param hint The subscriber's Retry-After in milliseconds, if it sent one, and a random number from [0, 1).
 */
export function waitBeforeRetry(
  policy: RetryPolicy,
  retryNumber: number,
  hint: { readonly retryAfterMs?: number | undefined; readonly random: number },
): number {
  const backoffMs = Math.min(plainWait(policy.backoff, retryNumber), WAIT_MAX_MS);
  const jitteredMs = backoffMs * (1 + JITTER * hint.random);
  const askedMs = Math.min(hint.retryAfterMs ?? 0, policy.retryAfterMaxMs ?? 0);
  return Math.max(jitteredMs, askedMs);
}

function plainWait(backoff: Backoff | undefined, retryNumber: number): number {
  if (backoff === undefined) return 0;
  return backoff.policy === "linear" ? backoff.delayMs * retryNumber : backoff.delayMs * 2 ** (retryNumber - 1);
}

/** The Retry-After header as milliseconds from now; undefined when it is neither seconds nor an HTTP date. */
export function parseRetryAfter(text: string, nowMs: number): number | undefined {
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const date = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}
