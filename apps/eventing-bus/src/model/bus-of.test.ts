import { describe, expect, test } from "@jest/globals";
import type { Broker } from "@kelvin/api/eventing/v1";
import type { Channel } from "@kelvin/api/messaging/v1";
import { busOfBroker, busOfBusChannel, busOfChannel, busServingBroker } from "./bus-of.ts";

const channel = (apiVersion: string, kind: string): Channel => ({
  metadata: { name: "c", namespace: "n" },
  spec: { channelTemplate: { apiVersion, kind } },
});
const broker = (brokerClass: string, config?: Broker["spec"]["config"]): Broker => ({
  metadata: { name: "b", namespace: "n", annotations: { "eventing.knative.dev/broker.class": brokerClass } },
  spec: config === undefined ? {} : { config },
});
const template = (apiVersion: string, kind: string): { data: Record<string, string> } => ({
  data: { "channel-template-spec": `apiVersion: ${apiVersion}\nkind: ${kind}\n` },
});
const ref = { apiVersion: "v1", kind: "ConfigMap", namespace: "knative-eventing", name: "config" };

describe("a Channel", () => {
  test.each([
    ["messaging.knative.dev/v1alpha1", "NatsJetStreamChannel", "nats"],
    ["messaging.knative.dev/v1beta1", "KafkaChannel", "kafka"],
    ["messaging.cloud.google.com/v1beta1", "Channel", "gcppubsub"],
  ])("made of %s %s is served by %s", (apiVersion, kind, bus) => {
    expect(busOfChannel(channel(apiVersion, kind))).toEqual({ kind: "bus", bus });
  });

  test("made of an InMemoryChannel has one of its name", () => {
    expect(busOfChannel(channel("messaging.knative.dev/v1", "InMemoryChannel"))).toEqual({ kind: "backed" });
  });

  test("made of anything else is served by nobody", () => {
    const found = busOfChannel(channel("messaging.knative.dev/v1", "KafkaChannel"));
    expect(JSON.stringify(found)).toContain("known are messaging.knative.dev/v1/InMemoryChannel");
  });
});

describe("a Broker", () => {
  test.each([
    ["NatsJetStreamBroker", "nats"],
    ["Kafka", "kafka"],
    ["googlecloud", "gcppubsub"],
  ])("of class %s is served by %s, whatever its configuration", (brokerClass, bus) => {
    expect(busOfBroker(broker(brokerClass), () => undefined)).toEqual({ kind: "bus", bus });
  });

  test("of the channel-based class is served by what its configuration says", () => {
    const asked: unknown[] = [];
    const found = busOfBroker(broker("MTChannelBasedBroker", ref), (name) => {
      asked.push(name);
      return template("messaging.knative.dev/v1alpha1", "NatsJetStreamChannel");
    });
    expect([found, asked]).toEqual([{ kind: "bus", bus: "nats" }, [{ namespace: "knative-eventing", name: "config" }]]);
    const plain = busOfBroker(broker("MTChannelBasedBroker", ref), () => ({}));
    expect(plain).toEqual({ kind: "bus", bus: "stub" });
  });

  test.each<[string, { of: Broker; content?: ReturnType<typeof template>; says: string }]>([
    ["another class", { of: broker("Rabbit"), says: 'unknown: no bus serves Brokers of class "Rabbit"; known are' }],
    [
      "no configuration",
      { of: broker("MTChannelBasedBroker"), says: "unreadable: spec.config: must name a ConfigMap" },
    ],
    [
      "a configuration of another kind",
      { of: broker("MTChannelBasedBroker", { ...ref, kind: "Secret" }), says: "must be a ConfigMap of v1, was Secret" },
    ],
    [
      "a configuration that is not there",
      {
        of: broker("MTChannelBasedBroker", ref),
        says: 'unreadable: ConfigMap "knative-eventing/config", which spec.config names, does not exist',
      },
    ],
    [
      "a template that is none",
      {
        of: broker("MTChannelBasedBroker", ref),
        content: { data: { "channel-template-spec": "kind: 3" } },
        says: "apiVersion must be given",
      },
    ],
    [
      "a template that nobody serves",
      {
        of: broker("MTChannelBasedBroker", ref),
        content: template("a/v1", "B"),
        says: 'unknown: no bus serves channels made of "a/v1/B"; known are',
      },
    ],
  ])("with %s", (_, { of, content, says }) => {
    const found = busOfBroker(of, () => content);
    expect("message" in found ? `${found.kind}: ${found.message}` : "").toContain(says);
  });

  test("whose configuration is lost, or that is being deleted, is served by the bus that its status names", () => {
    const noted = { ...broker("MTChannelBasedBroker", ref), status: { annotations: { "kelvin.dev/bus": "nats" } } };
    const inMemory = template("messaging.knative.dev/v1", "InMemoryChannel");
    const finds = [undefined, { data: { "channel-template-spec": "{" } }, inMemory, template("a/v1", "B")];
    expect(finds.map((content) => busServingBroker(noted, () => content))).toEqual(["nats", "nats", "stub", undefined]);
    expect(busServingBroker(broker("MTChannelBasedBroker", ref), () => undefined)).toBeUndefined();
    const going = { ...noted, metadata: { ...noted.metadata, deletionTimestamp: "2026-01-01T00:00:00Z" } };
    expect(finds.map((content) => busServingBroker(going, () => content))).toEqual(["nats", "nats", "nats", "nats"]);
  });
});

test.each([
  [{ clusterBus: "stub" }, "stub"],
  [{ bus: "mine" }, "shop/mine"],
  [{}, undefined],
])("a channel of the founding kind with %j is served by %s", (spec, bus) => {
  expect(busOfBusChannel({ metadata: { name: "c", namespace: "shop" }, spec })).toBe(bus);
});
