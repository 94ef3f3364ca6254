import { defaultTrigger, Trigger, type Broker } from "@kelvin/api/eventing/v1";
import { openController, watching, type Controller } from "@kelvin/controller";
import { keyOf, keyText } from "@kelvin/kube";
import type { ControllerKit } from "../controller-kit.ts";
import { makeDeadLetterCounts } from "../dead-letter-count.ts";
import { makeDepartures } from "../departures.ts";
import { indexes } from "../informer-indexes.ts";
import { wokenByBus } from "../woken-by-bus.ts";
import { finalizeTrigger, reconcileTrigger } from "./reconcile.ts";

/** Wakes a Trigger when it, its Broker, its bus or anything that it refers to changes. */
export function openTriggerController({ common, informers, destinations, buses }: ControllerKit): Controller {
  const { triggers, brokers } = informers;
  const tracker = destinations.openTracker();
  const deadLetters = makeDeadLetterCounts(common.clock);
  const departures = makeDepartures();
  const ofBroker = (broker: Broker) => triggers.byIndex(indexes.broker, keyText(keyOf(broker))).map(keyOf);
  return openController({
    ...common,
    name: "trigger-controller",
    kind: Trigger,
    informer: triggers,
    watches: [watching(brokers, ofBroker), tracker.wakes, wokenByBus(buses, triggers)],
    default: defaultTrigger,
    finalizerName: "triggers.eventing.knative.dev",
    finalize: (trigger, context) => finalizeTrigger(trigger, { ...context, brokers, buses, deadLetters, departures }),
    forget: (key) => tracker.forget(key),
    reconcile: (trigger, context) =>
      tracker.asking(context.key, (lookup) =>
        reconcileTrigger(trigger, { ...context, lookup, brokers, buses, deadLetters }),
      ),
  });
}
