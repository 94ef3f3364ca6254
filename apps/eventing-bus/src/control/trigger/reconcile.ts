import { getCondition, isObserved, readyCondition } from "@kelvin/api";
import { triggerDelivery } from "@kelvin/api/duck";
import {
  dependencyOf,
  initializeTrigger,
  markBrokerDoesNotExist,
  markDependencyDoesNotExist,
  markFailedToGetBroker,
  markNoDependency,
  markSubscriberNotResolved,
  markSubscriberResolved,
  propagateBroker,
  propagateDependency,
  triggerDeadLetterSink,
  type Broker,
  type Trigger,
  type TriggerStatus,
} from "@kelvin/api/eventing/v1";
import { requeueAfter, waitForEvent, type EventRecorder, type Outcome } from "@kelvin/controller";
import type { Clock } from "@kelvin/kube";
import { brokerKeyOf } from "../../model/broker-of.ts";
import type { BusWatch } from "../bus-watch/bus-watch.ts";
import type { DeadLetterCounts } from "../dead-letter-count.ts";
import type { Departures } from "../departures.ts";
import { markDeadLetterSink } from "../dead-letter-sink.ts";
import type { Lookup } from "../destination/destinations.ts";
import type { Reader } from "../informers.ts";
import { tellOfReadiness } from "../readiness-event.ts";
import { finishRelease, holderOf } from "../release.ts";
import { findSubscription, markSubscription } from "./subscription.ts";

export interface TriggerDeps {
  readonly clock: Pick<Clock, "now">;
  readonly recorder: EventRecorder;
  readonly lookup: Lookup;
  readonly brokers: Reader<Broker>;
  readonly buses: Pick<BusWatch, "find" | "names">;
  readonly deadLetters: DeadLetterCounts;
}

/**
 * Says in a Trigger's status where its events go and whether every replica of its Broker's bus delivers them. It makes no
 * object, so a change of the Trigger is served in place: what waits for delivery stays.
 */
export async function reconcileTrigger(trigger: Trigger, deps: TriggerDeps): Promise<Outcome> {
  const { clock, recorder, lookup, buses } = deps;
  const now = clock.now();
  const before = getCondition(trigger.status, readyCondition);
  const status = initializeTrigger(trigger, now);
  const key = brokerKeyOf(trigger);
  const broker = key === undefined ? undefined : deps.brokers.get(key);

  await markSubscriber(status, trigger, { lookup, now });
  const delivery = triggerDelivery(trigger.spec.delivery, broker?.spec.delivery);
  const { generation } = trigger.metadata;
  await markDeadLetterSink(status, delivery, { marks: triggerDeadLetterSink, lookup, now, generation });
  await markDependency(status, trigger, { lookup, now });
  const subscription = findSubscription(trigger, broker, buses);
  markSubscription(trigger, { status, subscription, now });
  markBroker(status, { name: key?.name, broker }, now);
  tellOfReadiness(trigger, before, recorder);

  if (subscription.kind !== "serving") return waitForEvent;
  const { uid = "" } = trigger.metadata;
  const againMs = deps.deadLetters.refresh(status, { uid, count: subscription.served.deadLetters });
  return againMs === undefined ? waitForEvent : requeueAfter(againMs);
}

function markBroker(
  status: TriggerStatus,
  { name, broker }: { readonly name: string | undefined; readonly broker: Broker | undefined },
  now: Date,
): void {
  if (name === undefined) return markFailedToGetBroker(status, brokerElsewhere, now);
  if (broker === undefined) return markBrokerDoesNotExist(status, name, now);
  if (broker.metadata.deletionTimestamp === undefined) return propagateBroker(status, broker, now);
  markFailedToGetBroker(status, `Broker "${name}" is being deleted`, now);
}

const brokerElsewhere =
  "spec.brokerRef: must name a Broker of the Trigger's own namespace; those of others are not served";

interface Marking {
  readonly lookup: Lookup;
  readonly now: Date;
}

async function markSubscriber(status: TriggerStatus, trigger: Trigger, { lookup, now }: Marking): Promise<void> {
  try {
    const resolution = await lookup.resolve(trigger.spec.subscriber ?? {});
    if (resolution.ok) markSubscriberResolved(status, resolution.address, now);
    else markSubscriberNotResolved(status, `spec.subscriber: ${resolution.problem}`, now);
  } catch (error) {
    // The status is written all the same, and the bus must not take the address of an older spec for that of this one.
    if (!isObserved(trigger)) markSubscriberNotResolved(status, "spec.subscriber: not known yet", now);
    throw error;
  }
}

async function markDependency(status: TriggerStatus, trigger: Trigger, { lookup, now }: Marking): Promise<void> {
  const dependency = dependencyOf(trigger);
  if (dependency === undefined) return markNoDependency(status, now);
  const { namespace = "" } = trigger.metadata;
  const found = await lookup.find({ ...dependency, namespace });
  const name = `${dependency.kind} ${namespace}/${dependency.name}`;
  if (!found.ok) markDependencyDoesNotExist(status, `${name}: ${found.problem}`, now);
  else if (found.object === undefined) markDependencyDoesNotExist(status, name, now);
  else propagateDependency(status, found.object, now);
}

/**
 * Keeps a Trigger that is being deleted until its bus has let go of it, or could not in five minutes. A Broker that is gone, or is
 * going, takes with it all that the bus held for its Triggers.
 */
export async function finalizeTrigger(
  trigger: Trigger,
  deps: Omit<TriggerDeps, "lookup"> & { readonly departures: Departures },
): Promise<Outcome | undefined> {
  const { name = "", uid = "" } = trigger.metadata;
  const key = brokerKeyOf(trigger);
  const broker = key === undefined ? undefined : deps.brokers.get(key);
  const isStreamStaying = broker !== undefined && broker.metadata.deletionTimestamp === undefined;
  const bus = isStreamStaying ? holderOf(trigger, "consumer", deps.buses) : undefined;
  const consumer = bus === undefined ? undefined : deps.buses.find(bus)?.consumer(uid);
  deps.departures.see(uid, consumer);
  const isRemoved = consumer?.state === "removed";
  const outcome = finishRelease({ object: trigger, bus, isRemoved, remains: "events that wait for it" }, deps);
  if (outcome !== undefined) return outcome;
  const lost = deps.departures.depart(uid);
  deps.deadLetters.forget(uid);
  if (lost !== "") deps.recorder.normal(trigger, "TriggerRemoved", `Trigger "${name}" was removed${lost}`);
  return undefined;
}
