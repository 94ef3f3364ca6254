import { describe, expect, test } from "@jest/globals";
import {
  brokerUrl,
  busName,
  channelHosts,
  channelServiceName,
  channelServiceTarget,
  channelUrl,
  isChannelHost,
  busChannelHosts,
  busChannelServiceName,
} from "./names.ts";

const orders = { namespace: "shop", name: "orders" };
const system = "knative-eventing";

describe("addresses", () => {
  test.each([
    ["stub", "http://broker-ingress.knative-eventing.svc.cluster.local/shop/orders"],
    ["nats", "http://nats-clusterbus.knative-eventing.svc.cluster.local/shop/orders"],
  ])("a Broker on %s", (bus, url) => {
    expect(brokerUrl(bus, orders, system)).toBe(url);
  });

  test.each([
    ["stub", "imc-dispatcher.knative-eventing.svc.cluster.local"],
    ["nats", "nats-clusterbus.knative-eventing.svc.cluster.local"],
  ])("what a channel's Service on %s stands for", (bus, target) => {
    expect(channelServiceTarget(bus, system)).toBe(target);
  });

  test("a channel is known by its address and by the short form", () => {
    expect(channelUrl(orders)).toBe("http://orders-kn-channel.shop.svc.cluster.local");
    expect(channelHosts(orders)).toEqual(["orders-kn-channel.shop.svc.cluster.local", "orders-kn-channel.shop.svc"]);
    expect(channelServiceName("long".repeat(20))).toMatch(/^long.*[0-9a-f]{32}-kn-channel$/);
    expect(channelServiceName("long".repeat(20))).toHaveLength(63);
    expect([isChannelHost("imc-dispatcher.knative-eventing.svc"), isChannelHost("broker-ingress")]).toEqual([
      true,
      false,
    ]);
  });
});

describe("names at the bus", () => {
  test("are readable, and hold nothing that a broker would have to change", () => {
    expect(busName({ kind: "Broker", ...orders })).toMatch(/^broker_shop_orders_[0-9a-f]{10}$/);
    expect(busName({ kind: "Broker", namespace: "a", name: `${"x.".repeat(120)}x` })).toMatch(/^[a-z0-9_]{91}$/);
  });

  test("are never the same for two objects", () => {
    const names = [
      { kind: "Broker", namespace: "a", name: "b-c" },
      { kind: "Broker", namespace: "a-b", name: "c" },
      { kind: "Broker", namespace: "a", name: "b.c" },
      { kind: "Broker", namespace: "a", name: "b_c" },
      { kind: "Channel", namespace: "a", name: "b-c" },
    ].map(busName);
    expect(new Set(names).size).toBe(names.length);
  });
});

test("hosts of channels of the founding kind are nobody else's, but for the hash that long names need", () => {
  expect(busChannelHosts({ namespace: "shop", name: "news" })).toEqual([
    "news-channel.shop.svc.cluster.local",
    "news-channel.shop.svc",
    "news.shop.channels.cluster.local",
  ]);
  const hosts = ["x", "x-channel", "x-channel-channel"].flatMap((name) => busChannelHosts({ namespace: "shop", name }));
  expect(new Set(hosts).size).toBe(hosts.length);
  expect(busChannelServiceName("n".repeat(63)).length).toBe(63);
});
