import { defaultSubscription, Subscription, subscriptionFinalizer } from "@kelvin/api/messaging/v1";
import { openController, watching, type Controller } from "@kelvin/controller";
import { keyOf, type KubeObject, type ObjectKey } from "@kelvin/kube";
import type { ControllerKit } from "../controller-kit.ts";
import { makeDeadLetterCounts } from "../dead-letter-count.ts";
import { makeDepartures } from "../departures.ts";
import { channelText, indexes } from "../informer-indexes.ts";
import { wokenByBus } from "../woken-by-bus.ts";
import { finalizeSubscription, reconcileSubscription } from "./reconcile.ts";

/** Wakes a Subscription when it, its channel or what it refers to changes, and when the bus has news of it. */
export function openSubscriptionController(kit: ControllerKit): Controller {
  const { common, informers, destinations, buses } = kit;
  const { channels, inMemoryChannels, subscriptions } = informers;
  const tracker = destinations.openTracker();
  const deadLetters = makeDeadLetterCounts(common.clock);
  const departures = makeDepartures();
  // A Channel and the InMemoryChannel behind it have one name, and a Subscription may name either.
  const ofChannel = ({ metadata: { namespace = "", name = "" } }: KubeObject): ObjectKey[] =>
    ["Channel", "InMemoryChannel"]
      .flatMap((kind) => subscriptions.byIndex(indexes.channel, channelText(kind, { namespace, name })))
      .map(keyOf);
  return openController({
    ...common,
    name: "subscription-controller",
    kind: Subscription,
    informer: subscriptions,
    watches: [
      watching(channels, ofChannel),
      watching(inMemoryChannels, ofChannel),
      wokenByBus(buses, subscriptions),
      tracker.wakes,
    ],
    default: defaultSubscription,
    finalizerName: subscriptionFinalizer,
    finalize: (subscription, context) =>
      finalizeSubscription(subscription, {
        ...context,
        channels,
        inMemoryChannels,
        buses,
        deadLetters,
        departures,
      }),
    forget: (key) => tracker.forget(key),
    reconcile: (subscription, context) =>
      tracker.asking(context.key, (lookup) =>
        reconcileSubscription(subscription, { ...context, lookup, channels, inMemoryChannels, buses, deadLetters }),
      ),
  });
}
