import type { KubeObject } from "@kelvin/api";
import type { Channel as BusChannel, Subscription as BusSubscription } from "@kelvin/api/channels/v1alpha1/kinds";
import type { Trigger } from "@kelvin/api/eventing/v1/kinds";
import type { Subscription } from "@kelvin/api/messaging/v1/kinds";
import { keyText, type ObjectKey } from "@kelvin/kube";
import { brokerKeyOf } from "../model/broker-of.ts";
import { busId } from "../model/names.ts";

/** By which names of indexes objects are found. */
export const indexes = { uid: "uid", channel: "channel", broker: "broker", bus: "bus" } as const;

/** For the index `uid`: buses know objects by that. */
export function uidOf({ metadata }: KubeObject): string[] {
  return metadata.uid === undefined ? [] : [metadata.uid];
}

/** What a channel is found by: its kind and its key. The version does not count. */
export function channelText(kind: string, key: ObjectKey): string {
  return `${kind} ${keyText(key)}`;
}

/** The channel that a Subscription names, for the index `channel`. */
export function channelsOf({ metadata, spec }: Subscription): string[] {
  const { kind = "", name = "", namespace = metadata.namespace ?? "" } = spec?.channel ?? {};
  return name === "" ? [] : [channelText(kind, { namespace, name })];
}

/** The Broker that a Trigger names, for the index `broker`. */
export function brokersOf(trigger: Trigger): string[] {
  const key = brokerKeyOf(trigger);
  return key === undefined ? [] : [keyText(key)];
}

/** The id of the bus that a Channel of channels.knative.dev names, for the index `bus`. */
export function busesOf({ metadata, spec }: BusChannel): string[] {
  const { bus = "", clusterBus = "" } = spec ?? {};
  if (bus !== "") return [busId(bus, metadata.namespace)];
  return clusterBus === "" ? [] : [busId(clusterBus)];
}

/** The Channel that a Subscription of channels.knative.dev names, for the index `channel`. */
export function busChannelsOf({ metadata, spec }: BusSubscription): string[] {
  const { channel = "" } = spec ?? {};
  return channel === "" ? [] : [keyText({ namespace: metadata.namespace ?? "", name: channel })];
}
