import type { Broker, EventType, Trigger } from "@kelvin/api/eventing/v1/kinds";
import type { Change } from "@kelvin/testkit";
import { changed, metadataOf } from "./object-builder.ts";

// Objects as admission leaves them.

/** A Broker of the class and configuration that it gets by default. */
export function broker(name: string, ...changes: Change<Broker>[]): Broker {
  const config = {
    apiVersion: "v1",
    kind: "ConfigMap",
    namespace: "knative-eventing",
    name: "config-br-default-channel",
  };
  const object: Broker = {
    apiVersion: "eventing.knative.dev/v1",
    kind: "Broker",
    metadata: {
      ...metadataOf("broker", name),
      annotations: { "eventing.knative.dev/broker.class": "MTChannelBasedBroker" },
    },
    spec: { config },
  };
  return changed(object, changes);
}

/** A Trigger of the Broker `default`, with a subscriber that needs no looking up. */
export function trigger(name: string, ...changes: Change<Trigger>[]): Trigger {
  const object: Trigger = {
    apiVersion: "eventing.knative.dev/v1",
    kind: "Trigger",
    metadata: { ...metadataOf("trigger", name), labels: { "eventing.knative.dev/broker": "default" } },
    spec: { broker: "default", filter: {}, subscriber: { uri: "http://sink.example/" } },
  };
  return changed(object, changes);
}

/** An EventType that comes from nowhere in particular. */
export function eventType(name: string, ...changes: Change<EventType>[]): EventType {
  const object: EventType = {
    apiVersion: "eventing.knative.dev/v1beta3",
    kind: "EventType",
    metadata: metadataOf("eventtype", name),
    spec: { attributes: [{ name: "type", required: true, value: "order" }], type: "order" },
  };
  return changed(object, changes);
}
