import { defaultInMemoryChannel, inMemoryChannelFinalizer, InMemoryChannel } from "@kelvin/api/messaging/v1";
import { enqueueOwner, openController, watching, type Controller } from "@kelvin/controller";
import type { ControllerKit } from "../controller-kit.ts";
import { channelKeyOf } from "../stream-channel.ts";
import { wokenByBus } from "../woken-by-bus.ts";
import { finalizeInMemoryChannel, reconcileInMemoryChannel } from "./reconcile.ts";

/** Wakes an InMemoryChannel when it, its Service, its dead-letter sink or one of its Subscriptions changes, and when the bus has news. */
export function openInMemoryChannelController(kit: ControllerKit): Controller {
  const { common, informers, destinations, buses, systemNamespace } = kit;
  const { inMemoryChannels, subscriptions, channelServices } = informers;
  const tracker = destinations.openTracker();
  return openController({
    ...common,
    name: "in-memory-channel-controller",
    kind: InMemoryChannel,
    informer: inMemoryChannels,
    watches: [
      watching(channelServices, enqueueOwner(InMemoryChannel)),
      watching(subscriptions, channelKeyOf),
      wokenByBus(buses, inMemoryChannels),
      wokenByBus(buses, subscriptions, { keysOf: channelKeyOf }),
      tracker.wakes,
    ],
    default: defaultInMemoryChannel,
    finalizerName: inMemoryChannelFinalizer,
    finalize: (channel, context) => finalizeInMemoryChannel(channel, { ...context, buses }),
    forget: (key) => tracker.forget(key),
    reconcile: (channel, context) =>
      tracker.asking(context.key, (lookup) =>
        reconcileInMemoryChannel(channel, {
          ...context,
          lookup,
          buses,
          subscriptions,
          channelServices,
          systemNamespace,
        }),
      ),
  });
}
