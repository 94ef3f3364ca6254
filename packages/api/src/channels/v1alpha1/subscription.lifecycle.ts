import { initializeStatus } from "../../meta/status.ts";
import { busSubscriptionReasons } from "./reasons.ts";
import { Subscription, subscriptionConditions, type SubscriptionStatus } from "./subscription.types.ts";
import { hasSaid, keepSaid } from "./said-by-bus.ts";

const set = Subscription.conditions;

/** Adds the conditions that are absent and returns the status. */
export function initializeSubscription(subscription: Subscription, now: Date): SubscriptionStatus {
  return initializeStatus(Subscription, subscription, now) as SubscriptionStatus;
}

/** Where events and answers go: undefined clears what was there. The bus takes these, once the generation is observed. */
export function setTargets(
  status: SubscriptionStatus,
  { subscriber, reply }: { readonly subscriber: string | undefined; readonly reply: string | undefined },
): void {
  if (subscriber === undefined) delete status.subscriberUri;
  else status.subscriberUri = subscriber;
  if (reply === undefined) delete status.replyUri;
  else status.replyUri = reply;
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

const ownReasons: ReadonlySet<string> = new Set([
  busSubscriptionReasons.channelNotFound,
  busSubscriptionReasons.busNotFound,
  busSubscriptionReasons.busNotReady,
  busSubscriptionReasons.missingArguments,
  busSubscriptionReasons.pending,
]);

/** A third party's bus says itself whether it delivers: what is found there stays, and Ready follows. */
export function keepDispatching(status: SubscriptionStatus, bus: string, now: Date): void {
  const message = `Bus "${bus}" is a third party's and has to say whether it delivers to this Subscription; it has not yet`;
  const silent = { reason: busSubscriptionReasons.pending, message };
  keepSaid(status, { set, type: subscriptionConditions.dispatching, ownReasons, silent }, now);
}

/** Whether a third party's bus has said how it stands to this: from then on nobody else does. */
export function hasBusSaid(status: SubscriptionStatus): boolean {
  return hasSaid(status, { type: subscriptionConditions.dispatching, ownReasons });
}
