import { fieldErrorText, getCondition, hasErrors, readyCondition } from "@kelvin/api";
import {
  busSubscriptionReasons,
  subscriptionStatus,
  targetUrl,
  validateSubscription,
  type Channel,
  type Subscription,
  type SubscriptionStatus,
} from "@kelvin/api/channels/v1alpha1";
import { requeueAfter, waitForEvent, type EventRecorder, type Outcome } from "@kelvin/controller";
import type { Clock } from "@kelvin/kube";
import { limitsOf } from "../../model/limits.ts";
import { decideVerdict, noteBus } from "../bus/bus-verdict.ts";
import type { PresentBus } from "../bus/find-bus.ts";
import { releaseFromBus, servedBy, type BusReleaseDeps } from "../bus/release-from-bus.ts";
import type { BusWatch } from "../bus-watch/bus-watch.ts";
import type { DeadLetterCounts } from "../dead-letter-count.ts";
import type { Departures } from "../departures.ts";
import { tellOfReadiness } from "../readiness-event.ts";
import { findChannel, type ChannelLookup } from "./find-channel.ts";

export interface BusSubscriptionDeps extends ChannelLookup {
  readonly clock: Pick<Clock, "now">;
  readonly recorder: EventRecorder;
  readonly buses: Pick<BusWatch, "find" | "names">;
  readonly deadLetters: DeadLetterCounts;
}

/**
 * Writes into the status where a Subscription's events and answers go, from where our buses take it, and whether the bus of its
 * Channel delivers them. A third party's bus says that itself. Level-based and idempotent: it writes nothing but its status.
 */
export async function reconcileBusSubscription(
  subscription: Subscription,
  deps: BusSubscriptionDeps,
): Promise<Outcome> {
  const now = deps.clock.now();
  const before = getCondition(subscription.status, readyCondition);
  const status = subscriptionStatus.initializeSubscription(subscription, now);
  const problem = problemOf(subscription);
  setTargets(subscription, status, problem);
  const waitMs = await markDelivery(subscription, { status, problem }, deps);
  tellOfReadiness(subscription, before, deps.recorder);
  return waitMs === undefined ? waitForEvent : requeueAfter(waitMs);
}

/** What is wrong with what it says itself; admission may not have seen it. */
function problemOf(subscription: Subscription): string | undefined {
  const errors = validateSubscription(subscription);
  if (hasErrors(errors)) return fieldErrorText(errors);
  const { problem } = limitsOf(subscription.metadata.annotations);
  return problem === undefined ? undefined : `metadata.annotations: ${problem}`;
}

function setTargets({ metadata, spec }: Subscription, status: SubscriptionStatus, problem: string | undefined): void {
  const urlOf = (target = ""): string | undefined =>
    problem !== undefined || target === "" ? undefined : targetUrl(target, metadata.namespace ?? "")?.href;
  subscriptionStatus.setTargets(status, { subscriber: urlOf(spec?.subscriber), reply: urlOf(spec?.replyTo) });
}

interface Delivery {
  readonly status: SubscriptionStatus;
  readonly problem: string | undefined;
}

/** Says how it stands. Gives how long to wait until the count of dead letters may be written again. */
async function markDelivery(
  subscription: Subscription,
  { status, problem }: Delivery,
  deps: BusSubscriptionDeps,
): Promise<number | undefined> {
  const now = deps.clock.now();
  const reasons = busSubscriptionReasons;
  const refuse = (reason: string, message: string): void =>
    subscriptionStatus.markNotDispatching(status, { reason, message }, now);
  if (problem !== undefined) refuse(reasons.syncError, problem);
  const found = await findChannel(subscription, deps);
  if (found.kind === "missing") {
    if (problem === undefined) refuse(reasons.channelNotFound, found.message);
    return undefined;
  }
  const { bus } = found;
  if (bus.kind === "missing") {
    if (problem === undefined) refuse(reasons.busNotFound, bus.message);
    return undefined;
  }
  noteBus(status, bus, deps.buses);
  if (problem === undefined) markVerdict(subscription, bus, deps);
  const served = servedBy({ object: subscription, found: bus, what: "consumer" }, deps.buses);
  if (served === undefined) return undefined;
  return deps.deadLetters.refresh(status, { uid: subscription.metadata.uid ?? "", count: served.deadLetters });
}

const refusals = {
  missingArguments: busSubscriptionReasons.missingArguments,
  busNotReady: busSubscriptionReasons.busNotReady,
  failed: busSubscriptionReasons.syncError,
} as const;

function markVerdict(subscription: Subscription, found: PresentBus, { clock, buses }: BusSubscriptionDeps): void {
  const now = clock.now();
  const status = subscriptionStatus.initializeSubscription(subscription, now);
  const hasBusSaid = subscriptionStatus.hasBusSaid(status);
  const given = subscription.spec?.arguments;
  const question = { object: subscription, found, what: "subscription", given, hasBusSaid } as const;
  const verdict = decideVerdict(question, buses);
  if (verdict.kind === "said-by-bus") subscriptionStatus.keepDispatching(status, found.place.id, now);
  else if (verdict.kind === "serving") subscriptionStatus.markDispatching(status, verdict.message, now);
  else if (verdict.kind === "waiting") subscriptionStatus.markDispatchingUnknown(status, verdict.message, now);
  else {
    const { reason, message } = verdict;
    subscriptionStatus.markNotDispatching(status, { reason: refusals[reason], message }, now);
  }
}

/**
 * Keeps a Subscription that is being deleted until its bus holds nothing for it any more, by the rules of `releaseFromBus`. A Channel
 * that is gone, or is going, takes with it all that the bus held for its Subscriptions.
 */
export async function finalizeBusSubscription(
  subscription: Subscription,
  deps: ChannelLookup & BusReleaseDeps & Pick<BusSubscriptionDeps, "deadLetters"> & { readonly departures: Departures },
): Promise<Outcome | undefined> {
  const { uid = "" } = subscription.metadata;
  const found = await findChannel(subscription, deps);
  if (found.kind === "found") {
    const { channel, bus } = found;
    const holding = { object: subscription, found: bus, what: "consumer" } as const;
    deps.departures.see(uid, servedBy(holding, deps.buses));
    const outcome = await releaseFromBus(
      { ...holding, remainsAt: (kind) => remainsAt(subscription, channel, kind) },
      deps,
    );
    if (outcome !== undefined) return outcome;
  }
  const lost = deps.departures.depart(uid);
  deps.deadLetters.forget(uid);
  const channel = subscription.spec?.channel ?? "";
  deps.recorder.normal(subscription, "SubscriberRemoved", `Subscription was removed from channel "${channel}"${lost}`);
  return undefined;
}

function remainsAt({ metadata }: Subscription, { spec }: Channel, kind: string): string {
  const { namespace = "", name = "" } = metadata;
  const bus = spec?.bus ?? spec?.clusterBus ?? "";
  if (kind === "kafka") return `the group "${bus}.${namespace}.${name}", with events that wait for it`;
  if (kind === "gcppubsub") return `the subscription "subscription-${bus}-${namespace}-${name}"`;
  return "events that wait for it";
}
