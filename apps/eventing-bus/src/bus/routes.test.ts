import { expect, test } from "@jest/globals";
import type { Refusal } from "../data-path/ingress.ts";
import { makeRoutes } from "./routes.ts";
import type { StreamKind, StreamName } from "./stream-key.ts";

const named = (kind: StreamKind): StreamName => ({ kind, namespace: "shop", name: "orders" });
const entrance = (text: string): Refusal => ({ kind: "channel", refusal: { status: 503, text, retryAfterSeconds: 1 } });
const channelHost = "orders-kn-channel.shop.svc.cluster.local";

test("channels by Host, or by path at their Service; Brokers by path at any other", () => {
  const routes = makeRoutes();
  const [broker, channel] = [entrance("broker"), entrance("channel")];
  routes.set(named("Broker"), broker);
  routes.set(named("Channel"), channel);
  expect(routes.find({ host: channelHost, path: "/" })).toBe(channel);
  expect(routes.find({ host: "orders-kn-channel.shop.svc", path: "/any" })).toBe(channel);
  expect(routes.find({ host: "imc-dispatcher.knative-eventing.svc", path: "/shop/orders" })).toBe(channel);
  expect(routes.find({ host: "broker-ingress.knative-eventing.svc", path: "/shop/orders" })).toBe(broker);
  expect(routes.find({ host: "10.0.0.1", path: "/shop/orders/" })).toBe(broker);
  expect(routes.find({ host: "10.0.0.1", path: "/shop/bills" })).toBeUndefined();
  routes.delete(named("Broker"));
  expect(routes.find({ host: "10.0.0.1", path: "/shop/orders" })).toBeUndefined();
  expect(routes.find({ host: channelHost, path: "/" })).toBe(channel);
});

test("an InMemoryChannel that is not there takes nothing from the Channel of its name", () => {
  const routes = makeRoutes();
  const channel = entrance("channel");
  routes.set(named("Channel"), channel);
  routes.delete(named("InMemoryChannel"));
  expect(routes.find({ host: channelHost, path: "/" })).toBe(channel);
  routes.delete(named("Channel"));
  expect(routes.find({ host: channelHost, path: "/" })).toBeUndefined();
});
