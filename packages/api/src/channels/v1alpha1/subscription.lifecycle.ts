import { initializeStatus } from "../../meta/status.ts";
import { busSubscriptionReasons } from "./reasons.ts";
import { Subscription, subscriptionConditions, type SubscriptionStatus } from "./subscription.types.ts";

const set = Subscription.conditions;

/** Adds the conditions that are absent and returns the status. */
export function initializeSubscription(subscription: Subscription, now: Date): SubscriptionStatus {
  return initializeStatus(Subscription, subscription, now) as SubscriptionStatus;
}

/** Events are delivered. `message` may say which arguments count for nothing. */
export function markDispatching(status: SubscriptionStatus, message: string, now: Date): void {
  set.markTrue(
    status,
    { type: subscriptionConditions.dispatching, reason: busSubscriptionReasons.synced, message },
    now,
  );
}

/** The bus is at work on it. */
export function markDispatchingUnknown(status: SubscriptionStatus, message: string, now: Date): void {
  set.markUnknown(
    status,
    { type: subscriptionConditions.dispatching, reason: busSubscriptionReasons.pending, message },
    now,
  );
}

/** Events are not delivered. */
export function markNotDispatching(
  status: SubscriptionStatus,
  { reason, message }: { readonly reason: string; readonly message: string },
  now: Date,
): void {
  set.markFalse(status, { type: subscriptionConditions.dispatching, reason, message }, now);
}
