import type { Broker, Trigger } from "@kelvin/api/eventing/v1/kinds";
import type { Channel, InMemoryChannel, Subscription } from "@kelvin/api/messaging/v1/kinds";
import { plainChannel, type ChannelArguments, type Understood } from "../model/bus-arguments.ts";
import { brokerConfigOf, busOfChannel, busServingBroker, type ConfigMapName } from "../model/bus-of.ts";
import { destination, isSettled, type InheritedDelivery } from "../model/consumer-of.ts";
import { stubBus } from "../model/names.ts";
import type { BusConfig } from "./config.ts";
import type { ConfigMaps } from "./config-maps.ts";
import { makeFoundingView, type BusSubscriptionOf, type FoundingView } from "./founding-view.ts";
import { brokerOf, channelOf, indexes, type Informers } from "./informers.ts";
import { nameOf, objectText, type StreamName } from "./stream-key.ts";

/** A stream that this bus serves, as the cluster wants it now. */
export interface WantedStream {
  readonly uid: string;
  readonly generation: number;
  /** When its deletion began, in milliseconds since 1970. */
  readonly deletedAtMs: number | undefined;
  /** What its consumers inherit; undefined while the status does not speak of the spec. */
  readonly inherited: InheritedDelivery;
  readonly isSettled: boolean;
  readonly triggers: readonly Trigger[];
  readonly subscriptions: readonly SubscriptionOf[];
  readonly busSubscriptions: readonly BusSubscriptionOf[];
  /** What a channel of the founding kind says to its bus; nothing for all others. */
  readonly arguments: Understood<ChannelArguments>;
}

/** A Subscription, and what it inherits: the Channel that it names may be more than the one that stands for it. */
export interface SubscriptionOf {
  readonly subscription: Subscription;
  readonly inherited: InheritedDelivery;
}

/** What is wanted of a stream: `gone` when there is no such object, `elsewhere` when it is not this bus's. */
export type Wanted = WantedStream | "gone" | "elsewhere";

/** The cluster as one bus sees it. */
export interface ClusterView {
  wanted(stream: StreamName): Wanted;
  /** All streams there are, this bus's or not. */
  streams(): StreamName[];
  /** Told of the streams for which something changed. */
  onChange(listener: (streams: readonly StreamName[]) => void): void;
}

/** Which bus looks. */
export type Viewer = Pick<BusConfig, "bus" | "kind">;

/** @see ClusterView */
export function makeClusterView(viewer: Viewer, informers: Informers, configMaps: ConfigMaps): ClusterView {
  const founding = makeFoundingView(viewer, informers);
  const views = { bus: viewer.bus.id, informers, configMaps, founding };
  return {
    wanted: (stream) => wantedOf(stream, views),
    streams: () => [
      ...informers.brokers.list().map((object) => nameOf("Broker", object)),
      ...informers.channels.list().map((object) => nameOf("Channel", object)),
      ...informers.inMemoryChannels.list().map((object) => nameOf("InMemoryChannel", object)),
      ...founding.streams(),
    ],
    onChange(listener) {
      founding.onChange(listener);
      listenToStreams(informers, listener);
      listenToConsumers(informers, listener);
      configMaps.onChange((name) => {
        listener(
          informers.brokers
            .list()
            .filter(isConfiguredBy(name))
            .map((broker) => nameOf("Broker", broker)),
        );
      });
    },
  };
}

const NO_ARGUMENTS = { ok: true, value: plainChannel } as const;

interface Views {
  readonly bus: string;
  readonly founding: FoundingView;
  readonly informers: Informers;
  readonly configMaps: ConfigMaps;
}

function wantedOf(stream: StreamName, { bus, founding, informers, configMaps }: Views): Wanted {
  if (stream.kind === "BusChannel") return founding.wanted(stream);
  const object = findStream(stream, informers);
  if (object === undefined) return "gone";
  if (busServing(stream, object, configMaps) !== bus) return "elsewhere";
  const { uid = "", generation = 0, deletionTimestamp } = object.metadata;
  const isBroker = stream.kind === "Broker";
  return {
    uid,
    generation,
    deletedAtMs: deletionTimestamp === undefined ? undefined : Date.parse(deletionTimestamp),
    inherited: inheritedOf(object),
    isSettled: isSettled(object),
    triggers: isBroker ? informers.triggers.byIndex(indexes.broker, objectText(stream)) : [],
    subscriptions: isBroker ? [] : subscriptionsOf(stream, informers),
    busSubscriptions: [],
    arguments: NO_ARGUMENTS,
  };
}

function busServing({ kind }: StreamName, object: StreamObject, configMaps: ConfigMaps): string | undefined {
  if (kind === "InMemoryChannel") return stubBus;
  if (kind === "Broker") return busServingBroker(object as Broker, configMaps.find);
  const found = busOfChannel(object as Channel);
  return found.kind === "bus" ? found.bus : undefined;
}

function findStream({ kind, namespace, name }: StreamName, informers: Informers): StreamObject | undefined {
  const key = { namespace, name };
  if (kind === "Broker") return informers.brokers.get(key);
  return kind === "Channel" ? informers.channels.get(key) : informers.inMemoryChannels.get(key);
}

type StreamObject = Broker | Channel | InMemoryChannel;

function inheritedOf({ spec, status }: StreamObject): InheritedDelivery {
  return {
    delivery: spec.delivery,
    deadLetter: destination(status?.deadLetterSinkUri, status?.deadLetterSinkCACerts),
  };
}

/** Those that name the stream itself, and those that name the Channel which an InMemoryChannel stands for. */
function subscriptionsOf(stream: StreamName, informers: Informers): SubscriptionOf[] {
  const object = findStream(stream, informers);
  const own = informers.subscriptions.byIndex(indexes.channel, objectText(stream));
  const inherited = object === undefined ? { delivery: undefined, deadLetter: undefined } : inheritedOf(object);
  const direct = own.map((subscription) => ({ subscription, inherited }));
  if (stream.kind !== "InMemoryChannel") return direct;
  const { namespace, name } = stream;
  const front = informers.channels.get({ namespace, name });
  if (front === undefined || busOfChannel(front).kind !== "backed") return direct;
  const named = informers.subscriptions.byIndex(indexes.channel, objectText({ ...stream, kind: "Channel" }));
  return [...direct, ...named.map((subscription) => ({ subscription, inherited: inheritedOf(front) }))];
}

function isConfiguredBy({ namespace, name }: ConfigMapName): (broker: Broker) => boolean {
  return (broker) => {
    const config = brokerConfigOf(broker);
    return typeof config === "object" && config.namespace === namespace && config.name === name;
  };
}

type Listener = (streams: readonly StreamName[]) => void;

function listenToStreams({ brokers, channels, inMemoryChannels }: Informers, listener: Listener): void {
  brokers.onChange(({ before, after }) => {
    const broker = after ?? before;
    if (broker !== undefined) listener([nameOf("Broker", broker)]);
  });
  for (const informer of [channels, inMemoryChannels]) {
    informer.onChange(({ before, after }) => {
      const channel = after ?? before;
      // A Channel may stand for an InMemoryChannel of its name, whose Subscriptions inherit from it.
      if (channel !== undefined) listener([nameOf("Channel", channel), nameOf("InMemoryChannel", channel)]);
    });
  }
}

function listenToConsumers({ triggers, subscriptions }: Informers, listener: Listener): void {
  triggers.onChange(({ before, after }) => {
    listener([before, after].flatMap((trigger) => (trigger === undefined ? [] : (brokerOf(trigger) ?? []))));
  });
  subscriptions.onChange(({ before, after }) => {
    const named = [before, after].flatMap((one) => (one === undefined ? [] : (channelOf(one) ?? [])));
    listener(named.flatMap(withBacking));
  });
}

function withBacking(channel: StreamName): StreamName[] {
  return channel.kind === "Channel" ? [channel, { ...channel, kind: "InMemoryChannel" }] : [channel];
}
