import { deadLetterSinkMarks, markIdentityDisabled } from "../../duck/delivery.lifecycle.ts";
import type { ResolvedDestination } from "../../duck/destination.resolution.ts";
import { getCondition, type Conditioned } from "../../meta/conditions.ts";
import { initializeStatus, propagateCondition } from "../../meta/status.ts";
import type { Broker } from "./broker.types.ts";
import { triggerReasons } from "./reasons.ts";
import { Trigger, triggerConditions, type TriggerStatus } from "./trigger.types.ts";

const set = Trigger.conditions;
const { brokerReady, subscriptionReady, dependencyReady, subscriberResolved } = triggerConditions;

/** Adds the conditions that are absent, with those of what is not served, and returns the status. */
export function initializeTrigger(trigger: Trigger, now: Date): TriggerStatus {
  const status = initializeStatus(Trigger, trigger, now) as TriggerStatus;
  markIdentityDisabled(set, status, now);
  return status;
}

/** Marks of the dead-letter sink. */
export const triggerDeadLetterSink = deadLetterSinkMarks(set);

/** Repeats the Broker's readiness. A Broker without any counts as not configured. */
export function propagateBroker(status: TriggerStatus, broker: Broker, now: Date): void {
  const ready = getCondition(broker.status, "Ready");
  if (ready !== undefined) {
    propagateCondition(set, status, { from: ready, to: brokerReady, now });
    return;
  }
  const message = "Broker has not yet been reconciled.";
  set.markUnknown(status, { type: brokerReady, reason: triggerReasons.brokerNotConfigured, message }, now);
}

/** There is no Broker of that name. It may come. */
export function markBrokerDoesNotExist(status: TriggerStatus, name: string, now: Date): void {
  const message = `Broker "${name}" does not exist`;
  set.markFalse(status, { type: brokerReady, reason: triggerReasons.brokerDoesNotExist, message }, now);
}

/** It cannot be known how the Broker stands. */
export function markFailedToGetBroker(status: TriggerStatus, message: string, now: Date): void {
  set.markFalse(status, { type: brokerReady, reason: triggerReasons.failedToGetBroker, message }, now);
}

/** The data plane delivers all of the Trigger's future events. */
export function markSubscribed(status: TriggerStatus, now: Date): void {
  set.markTrue(status, { type: subscriptionReady }, now);
}

/** Not all of the data plane serves the Trigger yet. */
export function markSubscriptionUnknown(status: TriggerStatus, message: string, now: Date): void {
  set.markUnknown(status, { type: subscriptionReady, reason: triggerReasons.subscriptionNotConfigured, message }, now);
}

/** The data plane cannot serve the Trigger. */
export function markNotSubscribed(status: TriggerStatus, message: string, now: Date): void {
  set.markFalse(status, { type: subscriptionReady, reason: triggerReasons.notSubscribed, message }, now);
}

/** The Trigger's filters, stored without admission, cannot be compiled; it gets no events. */
export function markFilterInvalid(status: TriggerStatus, problem: string, now: Date): void {
  set.markFalse(status, { type: subscriptionReady, reason: triggerReasons.filterInvalid, message: problem }, now);
}

/** The subscriber's address is known. */
export function markSubscriberResolved(status: TriggerStatus, subscriber: ResolvedDestination, now: Date): void {
  forgetSubscriber(status);
  status.subscriberUri = subscriber.url;
  if (subscriber.CACerts !== undefined) status.subscriberCACerts = subscriber.CACerts;
  if (subscriber.audience !== undefined) status.subscriberAudience = subscriber.audience;
  set.markTrue(status, { type: subscriberResolved }, now);
}

/** The subscriber has no address; the former one is forgotten. */
export function markSubscriberNotResolved(status: TriggerStatus, message: string, now: Date): void {
  forgetSubscriber(status);
  set.markFalse(status, { type: subscriberResolved, reason: triggerReasons.subscriberResolveFailed, message }, now);
}

function forgetSubscriber(status: TriggerStatus): void {
  delete status.subscriberUri;
  delete status.subscriberCACerts;
  delete status.subscriberAudience;
}

/** The Trigger waits for nothing. */
export function markNoDependency(status: TriggerStatus, now: Date): void {
  set.markTrue(status, { type: dependencyReady }, now);
}

/** What the Trigger waits for is not there. */
export function markDependencyDoesNotExist(status: TriggerStatus, name: string, now: Date): void {
  const message = `Dependency does not exist: ${name}`;
  set.markFalse(status, { type: dependencyReady, reason: triggerReasons.dependencyDoesNotExist, message }, now);
}

/** Repeats the readiness of what the Trigger waits for, once that speaks of its current generation. */
export function propagateDependency(status: TriggerStatus, dependency: Conditioned, now: Date): void {
  const { metadata, status: theirs } = dependency;
  const [generation, observed] = [metadata.generation ?? 0, theirs?.observedGeneration ?? 0];
  if (generation !== observed) {
    const message = `The dependency's metadata.generation, "${generation}", is not equal to its status.observedGeneration, "${observed}".`;
    set.markUnknown(status, { type: dependencyReady, reason: triggerReasons.generationNotEqual, message }, now);
    return;
  }
  const ready = getCondition(theirs, "Ready");
  if (ready !== undefined) {
    propagateCondition(set, status, { from: ready, to: dependencyReady, now });
    return;
  }
  const message = "Dependency has not yet been reconciled.";
  set.markUnknown(status, { type: dependencyReady, reason: triggerReasons.dependencyNotConfigured, message }, now);
}
