import { busChannelFinalizer, Channel } from "@kelvin/api/channels/v1alpha1";
import { enqueueOwner, openController, watching, type Controller } from "@kelvin/controller";
import { keyOf, type ObjectKey } from "@kelvin/kube";
import { idOfBus, type AnyBus } from "../bus/bus-place.ts";
import type { ControllerKit } from "../controller-kit.ts";
import { indexes } from "../informer-indexes.ts";
import { wokenByBus } from "../woken-by-bus.ts";
import { finalizeBusChannel, reconcileBusChannel } from "./reconcile.ts";

/** Wakes a Channel of channels.knative.dev when it, its Service or its bus changes, and when the bus has news of it. */
export function openBusChannelController(kit: ControllerKit): Controller {
  const { common, informers, buses, systemNamespace, ownImage } = kit;
  const { busChannels, channelServices, buses: busObjects, clusterBuses: clusterBusObjects } = informers;
  const lookup = { busObjects, clusterBusObjects, ownImage, systemNamespace };
  const ofBus = (bus: AnyBus): ObjectKey[] => busChannels.byIndex(indexes.bus, idOfBus(bus)).map(keyOf);
  return openController({
    ...common,
    name: "bus-channel-controller",
    kind: Channel,
    informer: busChannels,
    watches: [
      watching(channelServices, enqueueOwner(Channel)),
      watching(busObjects, ofBus),
      watching(clusterBusObjects, ofBus),
      wokenByBus(buses, busChannels, { servedBy: (bus) => busChannels.byIndex(indexes.bus, bus) }),
    ],
    // A third party's bus writes there, too.
    sharesStatus: true,
    finalizerName: busChannelFinalizer,
    finalize: (channel, context) => finalizeBusChannel(channel, { ...context, ...lookup, buses }),
    reconcile: (channel, context) => reconcileBusChannel(channel, { ...context, ...lookup, channelServices, buses }),
  });
}
