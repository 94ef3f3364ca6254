import { getCondition, isConditionTrue, isObserved, readyCondition } from "@kelvin/api";
import {
  initializeSubscription,
  markAddedToChannel,
  markNotAddedToChannel,
  markReferenceNotResolved,
  markReferencesResolved,
  propagateSubscriber,
  subscriptionConditions,
  type Channel,
  type InMemoryChannel,
  type Subscription,
  type SubscriptionStatus,
} from "@kelvin/api/messaging/v1";
import { requeueAfter, waitForEvent, type EventRecorder, type Outcome } from "@kelvin/controller";
import type { Clock } from "@kelvin/kube";
import { statusAnnotations } from "../../model/annotations.ts";
import { limitsOf } from "../../model/limits.ts";
import type { BusWatch } from "../bus-watch/bus-watch.ts";
import type { DeadLetterCounts } from "../dead-letter-count.ts";
import type { Departures } from "../departures.ts";
import type { Lookup } from "../destination/destinations.ts";
import { tellOfReadiness } from "../readiness-event.ts";
import { finishRelease, holderOf } from "../release.ts";
import { decideServing } from "../serving.ts";
import { subscriberStatusOf } from "../stream-channel.ts";
import { resolveReferences, type References } from "./references.ts";
import { findStream, type ChannelReaders, type StreamOf } from "./stream.ts";

export interface SubscriptionDeps extends ChannelReaders {
  readonly clock: Pick<Clock, "now">;
  readonly recorder: EventRecorder;
  readonly lookup: Pick<Lookup, "resolve">;
  readonly buses: Pick<BusWatch, "find" | "names">;
  readonly deadLetters: DeadLetterCounts;
}

/**
 * Resolves what a Subscription refers to into its status, from where the bus takes it, and says there whether every replica of the
 * bus of its channel delivers to it. Level-based and idempotent: it writes nothing but its status.
 *
 * @throws whatever a lookup rejects with: then nothing is known for now.
 */
export async function reconcileSubscription(subscription: Subscription, deps: SubscriptionDeps): Promise<Outcome> {
  const now = deps.clock.now();
  const before = getCondition(subscription.status, readyCondition);
  const status = initializeSubscription(subscription, now);
  const found = findStream(subscription, deps);
  if (found.kind === "found") {
    markReferences(status, await resolve(subscription, found.stream, deps), now);
  } else {
    markReferenceNotResolved(status, { which: "channel", problem: found.problem, addresses: {} }, now);
  }
  const waitMs = markDelivery(subscription, { found, status }, deps);
  tellOfReadiness(subscription, before, deps.recorder);
  return waitMs === undefined ? waitForEvent : requeueAfter(waitMs);
}

async function resolve(
  subscription: Subscription,
  stream: Channel | InMemoryChannel,
  deps: SubscriptionDeps,
): Promise<References> {
  try {
    return await resolveReferences(subscription, stream, deps.lookup.resolve);
  } catch (error) {
    // The status is written all the same, and the bus must not take the addresses of an older spec for those of this one.
    if (!isObserved(subscription)) delete subscription.status?.physicalSubscription;
    throw error;
  }
}

function markReferences(status: SubscriptionStatus, { addresses, failure }: References, now: Date): void {
  if (failure === undefined) markReferencesResolved(status, addresses, now);
  else markReferenceNotResolved(status, { ...failure, addresses }, now);
}

interface Delivery {
  readonly found: StreamOf;
  readonly status: SubscriptionStatus;
}

/** Says how the bus stands to it. Gives how long to wait until the count of dead letters may be written again. */
function markDelivery(
  subscription: Subscription,
  { found, status }: Delivery,
  deps: SubscriptionDeps,
): number | undefined {
  const now = deps.clock.now();
  const { name = "", uid = "", generation = 0 } = subscription.metadata;
  if (found.kind === "missing") {
    propagateSubscriber(status, { name, generation, subscriber: undefined }, now);
    return deps.deadLetters.refresh(status, { uid, count: 0 });
  }
  const { buses } = deps;
  const serving = decideServing({ buses, bus: found.bus, what: "consumer", uid, generation });
  if (serving.kind === "absent") markNotAddedToChannel(status, serving.message, now);
  else markChannel(subscription, { bus: found.bus, status }, deps);
  propagateSubscriber(
    status,
    { name, generation, subscriber: subscriberStatusOf(subscription, { buses, bus: found.bus }) },
    now,
  );
  const count = buses.find(found.bus)?.consumer(uid)?.deadLetters;
  return count === undefined ? undefined : deps.deadLetters.refresh(status, { uid, count });
}

/** The bus watches Subscriptions itself: where it is, the channel has this one. Unless its limits are not what was asked for. */
function markChannel(
  subscription: Subscription,
  { bus, status }: { readonly bus: string; readonly status: SubscriptionStatus },
  { clock, recorder }: SubscriptionDeps,
): void {
  const isNew = !isConditionTrue(status, subscriptionConditions.addedToChannel);
  status.annotations = { ...status.annotations, [statusAnnotations.bus]: bus };
  const { problem } = limitsOf(subscription.metadata.annotations);
  if (problem !== undefined) return markNotAddedToChannel(status, `metadata.annotations: ${problem}`, clock.now());
  markAddedToChannel(status, clock.now());
  const channel = subscription.spec.channel?.name ?? "";
  if (isNew) recorder.normal(subscription, "SubscriberSync", `Subscription was synchronized to channel "${channel}"`);
}

/**
 * Keeps a Subscription that is being deleted until the bus holds nothing for it any more, or could not let go of it in five
 * minutes. A channel that is gone, or is going, takes with it all that the bus held for its Subscriptions.
 */
export async function finalizeSubscription(
  subscription: Subscription,
  deps: Omit<SubscriptionDeps, "lookup"> & { readonly departures: Departures },
): Promise<Outcome | undefined> {
  const found = findStream(subscription, deps);
  const { uid = "" } = subscription.metadata;
  const bus = found.kind === "missing" ? undefined : holderOf(subscription, "consumer", deps.buses);
  const consumer = bus === undefined ? undefined : deps.buses.find(bus)?.consumer(uid);
  deps.departures.see(uid, consumer);
  const isRemoved = consumer?.state === "removed";
  const outcome = finishRelease({ object: subscription, bus, isRemoved, remains: "events that wait for it" }, deps);
  if (outcome !== undefined) return outcome;
  const channel = subscription.spec.channel?.name ?? "";
  const lost = deps.departures.depart(uid);
  deps.deadLetters.forget(uid);
  deps.recorder.normal(subscription, "SubscriberRemoved", `Subscription was removed from channel "${channel}"${lost}`);
  return undefined;
}
