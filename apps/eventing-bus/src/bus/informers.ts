import type { Kind, KubeObject } from "@kelvin/api";
import {
  Bus,
  Channel as BusChannel,
  ClusterBus,
  Subscription as BusSubscription,
} from "@kelvin/api/channels/v1alpha1/kinds";
import { Broker, Trigger } from "@kelvin/api/eventing/v1/kinds";
import { Channel, InMemoryChannel, Subscription } from "@kelvin/api/messaging/v1/kinds";
import { ConfigMap, openInformer, type Informer, type InformerOptions, type KubeClient } from "@kelvin/kube";
import type { Logger } from "@kelvin/http-service";
import { brokerKeyOf } from "../model/broker-of.ts";
import type { BusPlace } from "./config.ts";
import { objectText, type StreamName } from "./stream-key.ts";

/** A live copy of everything that streams and consumers are made of. */
export type Informers = ReturnType<typeof openInformers>;

/** Names of indexes. */
export const indexes = { broker: "broker", channel: "channel", busChannel: "busChannel" } as const;

/** What the informers need. */
export interface InformerDeps {
  readonly kube: Pick<KubeClient, "list" | "watch">;
  readonly systemNamespace: string;
  readonly bus: BusPlace;
  readonly log: Logger;
}

/**
 * Starts to list and watch. ConfigMaps of other namespaces are read when a Broker names one. A Bus has only the Channels and
 * Subscriptions of its namespace, and may see nothing else.
 */
export function openInformers({ kube, systemNamespace, bus, log }: InformerDeps) {
  const open = <T extends KubeObject>(kind: Kind<T>, options: InformerOptions<T> = {}): Informer<T> =>
    openInformer(kube, kind, {
      ...options,
      onError: (error) => log.warn({ kind: kind.kind, error: error.message }, "Watch failed and is tried again"),
    });
  const isClusterBus = bus.namespace === "";
  const openWide = <T extends KubeObject>(kind: Kind<T>, options: InformerOptions<T> = {}): Informer<T> =>
    isClusterBus ? open(kind, options) : emptyInformer(kind);
  const within = isClusterBus ? {} : { namespace: bus.namespace };
  const itself = { ...within, fieldSelector: `metadata.name=${bus.name}`, transform: parametersOnly };
  return {
    brokers: openWide(Broker, { transform: withSpec }),
    triggers: openWide(Trigger, {
      transform: withSpec,
      indexes: { [indexes.broker]: (trigger) => textOf(brokerOf(trigger)) },
    }),
    channels: openWide(Channel, { transform: withoutSubscribers }),
    inMemoryChannels: openWide(InMemoryChannel, { transform: withoutSubscribers }),
    subscriptions: openWide(Subscription, {
      transform: withSpec,
      indexes: { [indexes.channel]: (subscription) => textOf(channelOf(subscription)) },
    }),
    configMaps: openWide(ConfigMap, { namespace: systemNamespace, transform: templateOnly }),
    busChannels: open(BusChannel, { ...within, transform: withSpec }),
    busSubscriptions: open(BusSubscription, {
      ...within,
      transform: withSpec,
      indexes: { [indexes.busChannel]: (subscription) => textOf(busChannelOf(subscription)) },
    }),
    /** Of this bus alone: what its channels and subscriptions may say to it. */
    bus: isClusterBus ? open(ClusterBus, itself) : open(Bus, itself),
  };
}

/** Of a kind that does not concern this bus. */
function emptyInformer<T extends KubeObject>(kind: Kind<T>): Informer<T> {
  return {
    kind,
    get: () => undefined,
    list: () => [],
    byIndex: () => [],
    synced: Promise.resolve(),
    isSynced: true,
    onChange: () => () => undefined,
    close: () => Promise.resolve(),
  };
}

/** The Broker that a Trigger wants events of; undefined when it names none. */
export function brokerOf(trigger: Trigger): StreamName | undefined {
  const key = brokerKeyOf(trigger);
  return key === undefined ? undefined : { kind: "Broker", ...key };
}

/** The channel that a Subscription wants events of; undefined when it names none of a kind that is served here. */
export function channelOf({ metadata, spec }: Subscription): StreamName | undefined {
  const { kind, name = "", namespace = metadata.namespace ?? "" } = spec.channel ?? {};
  if (name === "" || (kind !== "Channel" && kind !== "InMemoryChannel")) return undefined;
  return { kind, namespace, name };
}

/** The channel of the founding kind that a Subscription of that kind wants events of: one of its own namespace. */
export function busChannelOf({ metadata, spec }: BusSubscription): StreamName | undefined {
  const { channel: name = "" } = spec;
  return name === "" ? undefined : { kind: "BusChannel", namespace: metadata.namespace ?? "", name };
}

function textOf(name: StreamName | undefined): string[] {
  return name === undefined ? [] : [objectText(name)];
}

/** What was stored before there was a schema may have no spec. */
function withSpec<T extends { readonly spec: object }>(object: T): T {
  return { ...object, spec: (object.spec as object | undefined) ?? {} };
}

/** What a bus is made of is the concern of who runs it. */
function parametersOnly<T extends Bus>({ metadata, spec }: T): T {
  const { parameters } = (spec as Bus["spec"] | undefined) ?? {};
  return { metadata, spec: parameters === undefined ? {} : { parameters } } as T;
}

/** Subscriptions are watched themselves; with many of them these lists would be most of a channel. */
function withoutSubscribers<T extends Channel | InMemoryChannel>(object: T): T {
  const channel = withSpec(object);
  const { subscribers: _spec, ...spec } = channel.spec;
  const { subscribers: _status, ...status } = channel.status ?? {};
  return { ...channel, spec, ...(channel.status === undefined ? {} : { status }) };
}

/** Of a ConfigMap only what may be a Broker's configuration. */
export function templateOnly({ metadata, data = {} }: ConfigMap): ConfigMap {
  const kept = Object.entries(data).filter(([key]) => key === "channel-template-spec" || key === "channelTemplateSpec");
  return { metadata, data: Object.fromEntries(kept) };
}
