import type { Bus, Channel, ClusterBus, Subscription } from "@kelvin/api/channels/v1alpha1/kinds";
import type { Change } from "@kelvin/testkit";
import { changed, metadataOf } from "./object-builder.ts";

// Objects of channels.knative.dev, as admission leaves them.

const apiVersion = "channels.knative.dev/v1alpha1";

/** A ClusterBus of Kelvin's own, in memory unless changed. */
export function clusterBus(name: string, ...changes: Change<ClusterBus>[]): ClusterBus {
  const { namespace: _, ...metadata } = metadataOf("clusterbus", name);
  const annotations = { "kelvin.dev/bus": "stub" };
  const object: ClusterBus = {
    apiVersion,
    kind: "ClusterBus",
    metadata: { ...metadata, annotations },
    spec: { dispatcher: {} },
  };
  return changed(object, changes);
}

/** A third party's Bus in the namespace `default`. */
export function bus(name: string, ...changes: Change<Bus>[]): Bus {
  const spec = { dispatcher: { name: "dispatcher", image: "example.com/bus:1", args: ["-v"] } };
  return changed({ apiVersion, kind: "Bus", metadata: metadataOf("bus", name), spec }, changes);
}

/** A Channel of the ClusterBus `stub`. */
export function busChannel(name: string, ...changes: Change<Channel>[]): Channel {
  const spec = { clusterBus: "stub" };
  return changed({ apiVersion, kind: "Channel", metadata: metadataOf("channel", name), spec }, changes);
}

/** A Subscription of the Channel `orders`, with the Service `sink` as its subscriber. */
export function busSubscription(name: string, ...changes: Change<Subscription>[]): Subscription {
  const spec = { channel: "orders", subscriber: "sink" };
  return changed({ apiVersion, kind: "Subscription", metadata: metadataOf("subscription", name), spec }, changes);
}
