import { busSubscriptionFinalizer, Subscription } from "@kelvin/api/channels/v1alpha1";
import { openController, watching, type Controller } from "@kelvin/controller";
import { keyOf, keyText, type KubeObject, type ObjectKey } from "@kelvin/kube";
import { idOfBus, type AnyBus } from "../bus/bus-place.ts";
import type { ControllerKit } from "../controller-kit.ts";
import { makeDeadLetterCounts } from "../dead-letter-count.ts";
import { makeDepartures } from "../departures.ts";
import { indexes } from "../informer-indexes.ts";
import { wokenByBus } from "../woken-by-bus.ts";
import { finalizeBusSubscription, reconcileBusSubscription } from "./reconcile.ts";

/** Wakes a Subscription of channels.knative.dev when it, its Channel or that one's bus changes, and when the bus has news of it. */
export function openBusSubscriptionController(kit: ControllerKit): Controller {
  const { common, informers, buses, systemNamespace, ownImage } = kit;
  const { busSubscriptions, busChannels, buses: busObjects, clusterBuses: clusterBusObjects } = informers;
  const lookup = { busChannels, busObjects, clusterBusObjects, ownImage, systemNamespace };
  const deadLetters = makeDeadLetterCounts(common.clock);
  const departures = makeDepartures();
  const subscribersOf = (channel: KubeObject): Subscription[] =>
    busSubscriptions.byIndex(indexes.channel, keyText(keyOf(channel)));
  const servedBy = (id: string): Subscription[] => busChannels.byIndex(indexes.bus, id).flatMap(subscribersOf);
  const ofBus = (bus: AnyBus): ObjectKey[] => servedBy(idOfBus(bus)).map(keyOf);
  return openController({
    ...common,
    name: "bus-subscription-controller",
    kind: Subscription,
    informer: busSubscriptions,
    watches: [
      watching(busChannels, (channel) => subscribersOf(channel).map(keyOf)),
      watching(busObjects, ofBus),
      watching(clusterBusObjects, ofBus),
      wokenByBus(buses, busSubscriptions, { servedBy }),
    ],
    // A third party's bus writes there, too.
    sharesStatus: true,
    finalizerName: busSubscriptionFinalizer,
    finalize: (subscription, context) =>
      finalizeBusSubscription(subscription, { ...context, ...lookup, buses, deadLetters, departures }),
    reconcile: (subscription, context) =>
      reconcileBusSubscription(subscription, { ...context, ...lookup, buses, deadLetters }),
  });
}
