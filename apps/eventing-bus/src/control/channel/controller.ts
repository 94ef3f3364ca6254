import { Channel, channelFinalizer, defaultChannel } from "@kelvin/api/messaging/v1";
import { enqueueOwner, openController, watching, type Controller } from "@kelvin/controller";
import type { ControllerKit } from "../controller-kit.ts";
import { channelKeyOf } from "../stream-channel.ts";
import { wokenByBus } from "../woken-by-bus.ts";
import { finalizeChannel, reconcileChannel } from "./reconcile.ts";

/** Wakes a Channel when it, what it owns, its dead-letter sink or one of its Subscriptions changes, and when its bus has news. */
export function openChannelController(kit: ControllerKit): Controller {
  const { common, informers, destinations, buses, systemNamespace, settings } = kit;
  const { channels, inMemoryChannels, subscriptions, channelServices } = informers;
  const tracker = destinations.openTracker();
  return openController({
    ...common,
    name: "channel-controller",
    kind: Channel,
    informer: channels,
    watches: [
      watching(inMemoryChannels, enqueueOwner(Channel)),
      watching(channelServices, enqueueOwner(Channel)),
      watching(subscriptions, channelKeyOf),
      wokenByBus(buses, channels),
      wokenByBus(buses, subscriptions, { keysOf: channelKeyOf }),
      tracker.wakes,
    ],
    default: (channel) => defaultChannel(channel, { config: settings() }),
    finalizerName: channelFinalizer,
    finalize: (channel, context) => finalizeChannel(channel, { ...context, buses }),
    forget: (key) => tracker.forget(key),
    reconcile: (channel, context) =>
      tracker.asking(context.key, (lookup) =>
        reconcileChannel(channel, {
          ...context,
          lookup,
          buses,
          inMemoryChannels,
          subscriptions,
          channelServices,
          systemNamespace,
        }),
      ),
  });
}
