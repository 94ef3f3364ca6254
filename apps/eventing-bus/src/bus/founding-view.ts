import type { BusParameters, Channel, Subscription } from "@kelvin/api/channels/v1alpha1/kinds";
import {
  channelArguments,
  subscriptionArguments,
  type ChannelArguments,
  type SubscriptionArguments,
  type Understood,
} from "../model/bus-arguments.ts";
import { busOfBusChannel } from "../model/bus-of.ts";
import { isSettled } from "../model/consumer-of.ts";
import type { Viewer, Wanted } from "./cluster-view.ts";
import { busChannelOf, indexes, type Informers } from "./informers.ts";
import { nameOf, objectText, type StreamName } from "./stream-key.ts";

// Channels and Subscriptions of the founding kind, channels.knative.dev, as one bus sees them.

/** A Subscription, and what it says to the bus. */
export interface BusSubscriptionOf {
  readonly subscription: Subscription;
  readonly arguments: Understood<SubscriptionArguments>;
}

/** @see ClusterView, whose part this is. */
export interface FoundingView {
  wanted(stream: StreamName): Wanted;
  streams(): StreamName[];
  onChange(listener: (streams: readonly StreamName[]) => void): void;
}

const NOTHING_INHERITED = { delivery: undefined, deadLetter: undefined };

/** @see FoundingView */
export function makeFoundingView(viewer: Viewer, informers: Informers): FoundingView {
  const { busChannels, busSubscriptions } = informers;
  const parameters = watchParameters(viewer, informers);
  const isOurs = (channel: Channel): boolean => busOfBusChannel(channel) === viewer.bus.id;
  const streams = (): StreamName[] => busChannels.list().map((object) => nameOf("BusChannel", object));
  return {
    streams,
    wanted(stream) {
      const channel = busChannels.get({ namespace: stream.namespace, name: stream.name });
      if (channel === undefined) return "gone";
      if (!isOurs(channel)) return "elsewhere";
      const { uid = "", generation = 0, deletionTimestamp } = channel.metadata;
      return {
        uid,
        generation,
        deletedAtMs: deletionTimestamp === undefined ? undefined : Date.parse(deletionTimestamp),
        inherited: NOTHING_INHERITED,
        isSettled: isSettled(channel),
        triggers: [],
        subscriptions: [],
        busSubscriptions: busSubscriptions
          .byIndex(indexes.busChannel, objectText(stream))
          .map((subscription) => ({ subscription, arguments: parameters.ofSubscription(subscription) })),
        arguments: parameters.ofChannel(channel),
      };
    },
    onChange(listener) {
      busChannels.onChange(({ before, after }) => {
        const channel = after ?? before;
        if (channel !== undefined) listener([nameOf("BusChannel", channel)]);
      });
      busSubscriptions.onChange(({ before, after }) => {
        listener([before, after].flatMap((one) => (one === undefined ? [] : (busChannelOf(one) ?? []))));
      });
      parameters.onChange(() => listener(streams()));
    },
  };
}

interface Parameters {
  ofChannel(channel: Channel): Understood<ChannelArguments>;
  ofSubscription(subscription: Subscription): Understood<SubscriptionArguments>;
  onChange(listener: () => void): void;
}

/** What the bus lets others say. While its own object is gone, that is what it said last: whoever deletes it stops us, too. */
function watchParameters({ bus: { name, namespace }, kind }: Viewer, { bus }: Informers): Parameters {
  const key = namespace === "" ? { name } : { namespace, name };
  const what = namespace === "" ? `ClusterBus "${name}"` : `Bus "${namespace}/${name}"`;
  let last: BusParameters | undefined;
  const current = (): BusParameters | undefined => {
    const object = bus.get(key);
    if (object !== undefined) last = object.spec.parameters ?? {};
    return last;
  };
  const understand = <T>(read: (parameters: BusParameters) => Understood<T>): Understood<T> => {
    const parameters = current();
    if (parameters !== undefined) return read(parameters);
    return { ok: false, problem: `${what} is not there, so nobody knows what it may be told` };
  };
  return {
    ofChannel: ({ spec }) =>
      understand(({ channel = [] }) => channelArguments(kind, { declared: channel, given: spec.arguments })),
    ofSubscription: ({ spec }) =>
      understand(({ subscription = [] }) =>
        subscriptionArguments(kind, { declared: subscription, given: spec.arguments }),
      ),
    onChange(listener) {
      let told = JSON.stringify(current());
      bus.onChange(() => {
        const text = JSON.stringify(current());
        if (text === told) return;
        told = text;
        listener();
      });
    },
  };
}
