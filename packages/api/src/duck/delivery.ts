import type { DeliverySpec } from "./destination.types.ts";
import { parsePeriod } from "./period.ts";

/** How often and how patiently an event is offered again: what the delivery engine takes. All times in milliseconds. */
export interface RetryPolicy {
  /** Attempts after the first: 0 or more. */
  readonly retry: number;
  /** Without it the attempts follow one another at once. */
  readonly backoff: RetryBackoff | undefined;
  /** The longest an attempt may take. */
  readonly timeoutMs: number;
  /** How far a subscriber's Retry-After is obeyed; absent: not at all. */
  readonly retryAfterMaxMs?: number;
}

/** `linear` waits n·delay before the n-th retry, `exponential` delay·2ⁿ⁻¹. */
export interface RetryBackoff {
  readonly policy: "linear" | "exponential";
  readonly delayMs: number;
}

/** What holds where nothing says how to deliver. */
export const retryPolicyDefault: RetryPolicy = {
  retry: 10,
  backoff: { policy: "exponential", delayMs: 200 },
  timeoutMs: 30_000,
};

/** No timeout, delay or obeyed Retry-After is longer; timers of Node end after 24.8 days, and events should before that. */
export const deliveryMsMax = 24 * 3_600_000;

/**
 * The retry policy that follows from a delivery spec. As in Knative a spec that is there, if only to name a dead-letter sink, has
 * no retries unless it says so; no spec at all is `retryPolicyDefault`. Durations are cut to `deliveryMsMax`; what cannot be read,
 * which admission refuses, counts as absent.
 */
export function retryPolicyOf(delivery: DeliverySpec | undefined): RetryPolicy {
  if (delivery === undefined) return retryPolicyDefault;
  const timeoutMs = readMs(delivery.timeout);
  const retryAfterMaxMs = readMs(delivery.retryAfterMax);
  return {
    retry: Math.max(0, delivery.retry ?? 0),
    backoff: backoffOf(delivery),
    timeoutMs: timeoutMs === undefined || timeoutMs === 0 ? retryPolicyDefault.timeoutMs : timeoutMs,
    ...(retryAfterMaxMs === undefined ? {} : { retryAfterMaxMs }),
  };
}

/** The form that events are delivered in; undefined: as they came. */
export function formatOf(delivery: DeliverySpec | undefined): "binary" | "structured" | undefined {
  if (delivery?.format === "json") return "structured";
  return delivery?.format === "binary" ? "binary" : undefined;
}

/** Knative backs off only when both fields are given; with one of them missing the retries follow at once. */
function backoffOf({ backoffPolicy: policy, backoffDelay }: DeliverySpec): RetryBackoff | undefined {
  const delayMs = readMs(backoffDelay);
  if (delayMs === undefined || (policy !== "linear" && policy !== "exponential")) return undefined;
  return { policy, delayMs };
}

function readMs(period: string | undefined): number | undefined {
  if (period === undefined) return undefined;
  try {
    const ms = parsePeriod(period);
    return ms < 0 ? undefined : Math.min(ms, deliveryMsMax);
  } catch {
    // Refused by admission; an object stored before that existed does without.
    return undefined;
  }
}

/** The delivery of a Trigger: its own, or else its Broker's. Never a mixture of both. */
export function triggerDelivery(
  own: DeliverySpec | undefined,
  broker: DeliverySpec | undefined,
): DeliverySpec | undefined {
  return own ?? broker;
}

/**
 * The delivery of a Subscription: its own, or else its channel's; the dead-letter sink alone is also taken from the channel when
 * the Subscription's own delivery names none.
 */
export function subscriptionDelivery(
  own: DeliverySpec | undefined,
  channel: DeliverySpec | undefined,
): DeliverySpec | undefined {
  if (own === undefined) return channel;
  const sink = own.deadLetterSink ?? channel?.deadLetterSink;
  return sink === undefined ? own : { ...own, deadLetterSink: sink };
}
