import { getCondition, readyCondition } from "@kelvin/api";
import { brokerDeadLetterSink, initializeBroker, type Broker } from "@kelvin/api/eventing/v1";
import { requeueAfter, waitForEvent, type EventRecorder, type Outcome } from "@kelvin/controller";
import type { Clock } from "@kelvin/kube";
import type { BusWatch } from "../bus-watch/bus-watch.ts";
import { markDeadLetterSink } from "../dead-letter-sink.ts";
import type { Lookup } from "../destination/destinations.ts";
import { tellOfReadiness } from "../readiness-event.ts";
import { finishRelease, holderOf } from "../release.ts";
import type { BrokerConfigs } from "./broker-configs.ts";
import { markPlacement, placeBroker } from "./placement.ts";

export interface BrokerDeps {
  readonly clock: Pick<Clock, "now">;
  readonly recorder: EventRecorder;
  readonly lookup: Pick<Lookup, "resolve">;
  readonly configs: BrokerConfigs;
  readonly buses: Pick<BusWatch, "find" | "names">;
  readonly systemNamespace: string;
}

/** How soon a configuration is read again that nobody tells of: one that is wrong, and one that is right. */
const againMs = { wrong: 5_000, right: 60_000 };

/**
 * Says in a Broker's status which bus serves it, where it takes events, and whether every replica of that bus has it.
 * It makes no object: buses watch Brokers themselves.
 */
export async function reconcileBroker(broker: Broker, deps: BrokerDeps): Promise<Outcome> {
  const { clock, recorder, lookup } = deps;
  const now = clock.now();
  const before = getCondition(broker.status, readyCondition);
  const status = initializeBroker(broker, now);
  await markDeadLetterSink(status, broker.spec.delivery, {
    marks: brokerDeadLetterSink,
    lookup,
    now,
    generation: broker.metadata.generation,
  });

  const { content, isFollowed } = await deps.configs.read(broker);
  const placement = placeBroker(broker, content, deps);
  markPlacement(status, placement, now);
  tellOfReadiness(broker, before, recorder);
  if (isFollowed) return waitForEvent;
  return requeueAfter(placement.kind === "placed" ? againMs.right : againMs.wrong);
}

/** Keeps a Broker that is being deleted until its bus has removed its stream, or could not in five minutes. */
export async function finalizeBroker(
  broker: Broker,
  deps: Pick<BrokerDeps, "clock" | "recorder" | "buses">,
): Promise<Outcome | undefined> {
  const { uid = "" } = broker.metadata;
  const bus = holderOf(broker, "stream", deps.buses);
  const isRemoved = bus !== undefined && deps.buses.find(bus)?.stream(uid)?.state === "removed";
  return finishRelease({ object: broker, bus, isRemoved, remains: "its stream, with events that wait" }, deps);
}
