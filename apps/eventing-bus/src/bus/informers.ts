import type { Kind, KubeObject } from "@kelvin/api";
import { Broker, Trigger } from "@kelvin/api/eventing/v1/kinds";
import { Channel, InMemoryChannel, Subscription } from "@kelvin/api/messaging/v1/kinds";
import { ConfigMap, openInformer, type Informer, type InformerOptions, type KubeClient } from "@kelvin/kube";
import type { Logger } from "@kelvin/http-service";
import { brokerKeyOf } from "../model/broker-of.ts";
import { objectText, type StreamName } from "./stream-key.ts";

/** A live copy of everything that streams and consumers are made of. */
export type Informers = ReturnType<typeof openInformers>;

/** Names of indexes. */
export const indexes = { broker: "broker", channel: "channel" } as const;

/** What the informers need. */
export interface InformerDeps {
  readonly kube: Pick<KubeClient, "list" | "watch">;
  readonly systemNamespace: string;
  readonly log: Logger;
}

/** Starts to list and watch. ConfigMaps of other namespaces are read when a Broker names one. */
export function openInformers({ kube, systemNamespace, log }: InformerDeps) {
  const open = <T extends KubeObject>(kind: Kind<T>, options: InformerOptions<T> = {}): Informer<T> =>
    openInformer(kube, kind, {
      ...options,
      onError: (error) => log.warn({ kind: kind.kind, error: error.message }, "Watch failed and is tried again"),
    });
  return {
    brokers: open(Broker, { transform: withSpec }),
    triggers: open(Trigger, {
      transform: withSpec,
      indexes: { [indexes.broker]: (trigger) => textOf(brokerOf(trigger)) },
    }),
    channels: open(Channel, { transform: withoutSubscribers }),
    inMemoryChannels: open(InMemoryChannel, { transform: withoutSubscribers }),
    subscriptions: open(Subscription, {
      transform: withSpec,
      indexes: { [indexes.channel]: (subscription) => textOf(channelOf(subscription)) },
    }),
    configMaps: open(ConfigMap, { namespace: systemNamespace, transform: templateOnly }),
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

function textOf(name: StreamName | undefined): string[] {
  return name === undefined ? [] : [objectText(name)];
}

/** What was stored before there was a schema may have no spec. */
function withSpec<T extends { readonly spec: object }>(object: T): T {
  return { ...object, spec: (object.spec as object | undefined) ?? {} };
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
