import { markIdentityDisabled } from "../../duck/delivery.lifecycle.ts";
import type { ResolvedDestination } from "../../duck/destination.resolution.ts";
import type { SubscriberStatus } from "../../duck/destination.types.ts";
import { subscriptionReasons } from "../../eventing/v1/reasons.ts";
import { initializeStatus } from "../../meta/status.ts";
import {
  Subscription,
  subscriptionConditions,
  type PhysicalSubscription,
  type SubscriptionStatus,
} from "./subscription.types.ts";

const set = Subscription.conditions;
const { referencesResolved, addedToChannel, channelReady } = subscriptionConditions;

/** Adds the conditions that are absent, with those of what is not served, and returns the status. */
export function initializeSubscription(subscription: Subscription, now: Date): SubscriptionStatus {
  const status = initializeStatus(Subscription, subscription, now) as SubscriptionStatus;
  markIdentityDisabled(set, status, now);
  return status;
}

/** The addresses of a Subscription, as far as they are known. */
export interface SubscriptionAddresses {
  readonly subscriber?: ResolvedDestination;
  readonly reply?: ResolvedDestination;
  /** The Subscription's own, or else its channel's. */
  readonly deadLetterSink?: ResolvedDestination;
}

/** The channel and all addresses are known. They replace those in the status. */
export function markReferencesResolved(status: SubscriptionStatus, addresses: SubscriptionAddresses, now: Date): void {
  status.physicalSubscription = physicalSubscriptionOf(addresses);
  set.markTrue(status, { type: referencesResolved }, now);
}

function physicalSubscriptionOf(addresses: SubscriptionAddresses): PhysicalSubscription {
  const fields = (["subscriber", "reply", "deadLetterSink"] as const).flatMap((name) => {
    const { url, CACerts, audience } = addresses[name] ?? {};
    return [
      [`${name}Uri`, url],
      [`${name}CACerts`, CACerts],
      [`${name}Audience`, audience],
    ];
  });
  return Object.fromEntries(fields.filter(([, value]) => value !== undefined)) as PhysicalSubscription;
}

const resolutions = {
  channel: {
    reason: subscriptionReasons.channelReferenceFailed,
    text: "Failed to get Spec.Channel or backing channel",
  },
  subscriber: { reason: subscriptionReasons.subscriberResolveFailed, text: "Failed to resolve spec.subscriber" },
  reply: { reason: subscriptionReasons.replyResolveFailed, text: "Failed to resolve spec.reply" },
  deadLetterSink: {
    reason: subscriptionReasons.deadLetterSinkResolveFailed,
    text: "Failed to resolve spec.delivery.deadLetterSink",
  },
} as const;

/** One of the references leads nowhere. `addresses` are those that do; any other is forgotten. */
export function markReferenceNotResolved(
  status: SubscriptionStatus,
  failure: {
    readonly which: keyof typeof resolutions;
    readonly problem: string;
    readonly addresses: SubscriptionAddresses;
  },
  now: Date,
): void {
  status.physicalSubscription = physicalSubscriptionOf(failure.addresses);
  const { reason, text } = resolutions[failure.which];
  set.markFalse(status, { type: referencesResolved, reason, message: `${text}: ${failure.problem}` }, now);
}

/** The channel has an entry for the Subscription. */
export function markAddedToChannel(status: SubscriptionStatus, now: Date): void {
  set.markTrue(status, { type: addedToChannel }, now);
}

/** The channel's entry could not be written. */
export function markNotAddedToChannel(status: SubscriptionStatus, problem: string, now: Date): void {
  const message = `Failed to sync physical Channel: ${problem}`;
  set.markFalse(status, { type: addedToChannel, reason: subscriptionReasons.physicalChannelSyncFailed, message }, now);
}

/** Repeats what the channel says of this generation of the Subscription; older news and none count as not known. */
export function propagateSubscriber(
  status: SubscriptionStatus,
  { name, generation, subscriber }: { name: string; generation: number; subscriber: SubscriberStatus | undefined },
  now: Date,
): void {
  const reason = subscriptionReasons.notMarkedReadyByChannel;
  if (subscriber === undefined || (subscriber.observedGeneration ?? 0) !== generation) {
    const message = `Failed to get subscription status: subscription "${name}" not present in the channel's subscribers list`;
    set.markUnknown(status, { type: channelReady, reason, message }, now);
  } else if (subscriber.ready === "True") {
    set.markTrue(status, { type: channelReady }, now);
  } else {
    const message = `Subscription not marked ready by Channel: ${subscriber.message ?? ""}`;
    const mark = { type: channelReady, reason, message };
    if (subscriber.ready === "False") set.markFalse(status, mark, now);
    else set.markUnknown(status, mark, now);
  }
}
