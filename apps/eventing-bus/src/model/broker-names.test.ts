import { describe, expect, test } from "@jest/globals";
import { makeBrokerNames } from "./broker-names.ts";
import { busName, type ObjectName } from "./names.ts";

const channel: ObjectName = { kind: "BusChannel", namespace: "shop", name: "my.orders" };
const subscription: ObjectName = { kind: "BusSubscription", namespace: "shop", name: "bill-it" };
const stepsId = busName(channel);

describe("what channels and subscriptions of the founding kind are called", () => {
  test("on Kafka: topic {ns}.{channel}, group {bus}.{ns}.{subscription}", () => {
    const names = makeBrokerNames("kafka", "events");
    expect(names.stream(channel)).toEqual({ logId: "shop.my.orders", settings: { groupPrefix: "events." }, stepsId });
    expect(names.consumer(subscription)).toBe("shop.bill-it");
  });

  test("on Pub/Sub: channel-{bus}-{ns}-{channel} and subscription-{bus}-{ns}-{subscription}, by ids that never collide", () => {
    const names = makeBrokerNames("gcppubsub", "events");
    expect(names.stream(channel)).toEqual({ logId: "channel/events/shop/my.orders", settings: {}, stepsId });
    expect(names.consumer(subscription)).toBe("subscription/events/shop/bill-it");
  });

  test.each(["stub", "nats"] as const)("on %s, as everything else", (kind) => {
    const names = makeBrokerNames(kind, "events");
    expect(names.stream(channel)).toEqual({ logId: busName(channel), settings: {}, stepsId });
    expect(names.consumer(subscription)).toBe(busName(subscription));
  });
});

test.each(["stub", "nats", "kafka", "gcppubsub"] as const)(
  "what is not of the founding kind carries a hash on %s",
  (kind) => {
    const names = makeBrokerNames(kind, "events");
    for (const one of ["Broker", "Channel", "InMemoryChannel"].map((each) => ({ ...channel, kind: each }))) {
      expect(names.stream(one)).toEqual({ logId: busName(one), settings: {}, stepsId: busName(one) });
    }
    const trigger = { ...subscription, kind: "Trigger" };
    expect(names.consumer(trigger)).toBe(busName(trigger));
  },
);

test("no step log has the name of a channel's topic, whatever the channel is called", () => {
  const names = makeBrokerNames("kafka", "events");
  const steps = `${names.stream(channel).stepsId}.step1`;
  // A namespace holds no underscore, so no channel is called so.
  expect(steps).toMatch(/^buschannel_[^.]*\.step1$/);
});
