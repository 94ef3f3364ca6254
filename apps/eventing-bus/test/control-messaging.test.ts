import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { Channel, InMemoryChannel, Subscription } from "@kelvin/api/messaging/v1/kinds";
import { CoreService, deepCopy, systemClock } from "@kelvin/kube";
import { coreService, withSpec } from "@kelvin/testkit";
import { openControlWorld } from "./control-world.ts";
import { busView, served } from "./fake-buses.ts";
import { channel, onNats, subscription } from "./messaging-builders.ts";

let world: Awaited<ReturnType<typeof openControlWorld>>;

beforeEach(async () => {
  world = await openControlWorld({ stub: busView({}), nats: busView({}) });
});

afterEach(() => world.close());

type Ours = typeof Channel | typeof InMemoryChannel | typeof Subscription;

/** The bus serves these, each in its present generation. */
function serve(bus: string, objects: readonly [Ours, string][], changes: Parameters<typeof served>[0] = {}): void {
  const metadata = objects.map(
    ([kind, name]) => world.find<Channel | InMemoryChannel | Subscription>(kind as never, name)?.metadata ?? {},
  );
  const views = metadata.map(({ uid = "", generation = 1 }) => [uid, served({ generation, ...changes })] as const);
  world.buses.set(
    bus,
    busView(Object.fromEntries(views)),
    metadata.map(({ uid = "" }) => uid),
  );
}

const ofOrders = { namespace: "default", name: "orders" };
const audit = { namespace: "default", name: "audit" };

/** A Channel on the bus in memory with one Subscription, all Ready. */
async function openOrders(): Promise<void> {
  await world.kube.create(Subscription, withoutUid(subscription("audit")));
  await world.until(() => world.ready(Subscription, "audit") === "False/ChannelReferenceFailed");
  await world.kube.create(Channel, withoutUid(channel("orders")));
  await world.until(() => world.ready(Subscription, "audit") === "Unknown/SubscriptionNotMarkedReadyByChannel");
  serve("stub", [
    [InMemoryChannel, "orders"],
    [Subscription, "audit"],
  ]);
  await world.until(() => world.ready(Channel, "orders") === "True/" && world.ready(Subscription, "audit") === "True/");
}

function withoutUid<T extends Channel | Subscription>(object: T): T {
  delete object.metadata.uid;
  return object;
}

test("a Subscription waits for its channel, the channel for its bus, and each says so", async () => {
  await openOrders();
  const { uid } = world.find(Subscription, "audit")?.metadata ?? {};
  await world.until(() => world.find(Channel, "orders")?.status?.subscribers?.length === 1);
  expect(world.find(Channel, "orders")?.status).toMatchObject({
    address: { url: "http://orders-kn-channel.default.svc.cluster.local" },
    subscribers: [{ uid, observedGeneration: 1, ready: "True" }],
  });
  expect(world.find(CoreService, "orders-kn-channel")?.spec).toMatchObject({
    type: "ExternalName",
    externalName: "imc-dispatcher.knative-eventing.svc.cluster.local",
  });
});

test("follows its bus as it goes and comes back, and keeps its address meanwhile", async () => {
  await openOrders();
  world.buses.set("stub", undefined);
  await world.until(() => world.ready(Channel, "orders") === "False/BusNotFound");
  await world.until(() => world.ready(Subscription, "audit").startsWith("False/"));
  expect(world.find(Channel, "orders")?.status?.address?.url).toBeDefined();
  serve("stub", [
    [InMemoryChannel, "orders"],
    [Subscription, "audit"],
  ]);
  await world.until(() => world.ready(Channel, "orders") === "True/" && world.ready(Subscription, "audit") === "True/");
});

test("a subscriber that comes and goes", async () => {
  await openOrders();
  const changed = deepCopy(world.find(Subscription, "audit") ?? subscription("audit"));
  changed.spec.subscriber = { ref: { apiVersion: "v1", kind: "Service", namespace: "default", name: "web" } };
  await world.kube.update(Subscription, changed);
  await world.until(() => world.ready(Subscription, "audit") === "False/SubscriberResolveFailed");
  expect(world.find(Subscription, "audit")?.status?.physicalSubscription).toEqual({});

  world.kube.put(coreService("web"));
  const uriOf = () => world.find(Subscription, "audit")?.status?.physicalSubscription?.subscriberUri;
  await world.until(() => uriOf() === "http://web.default.svc.cluster.local");
  // The bus still serves the generation before.
  expect(world.ready(Subscription, "audit")).toBe("Unknown/SubscriptionNotMarkedReadyByChannel");
  serve("stub", [
    [InMemoryChannel, "orders"],
    [Subscription, "audit"],
  ]);
  await world.until(() => world.ready(Subscription, "audit") === "True/");

  await world.kube.delete(CoreService, { namespace: "default", name: "web" });
  await world.until(() => world.ready(Subscription, "audit") === "False/SubscriberResolveFailed");
  expect(uriOf()).toBeUndefined();
});

test("puts a Service back that somebody deletes", async () => {
  await openOrders();
  const first = world.find(CoreService, "orders-kn-channel")?.metadata.uid;
  await world.kube.delete(CoreService, { namespace: "default", name: "orders-kn-channel" });
  const again = await world.until(() => world.find(CoreService, "orders-kn-channel"));
  expect(again.metadata.uid).not.toBe(first);
});

test("what is deleted goes when its bus lets it, and a channel takes its Subscriptions' hold with it", async () => {
  await world.kube.create(Channel, withoutUid(channel("orders", onNats)));
  await world.kube.create(Subscription, withoutUid(subscription("audit")));
  await world.until(() => world.ready(Subscription, "audit") === "Unknown/SubscriptionNotMarkedReadyByChannel");
  serve("nats", [
    [Channel, "orders"],
    [Subscription, "audit"],
  ]);
  await world.until(() => world.ready(Channel, "orders") === "True/" && world.ready(Subscription, "audit") === "True/");

  await world.kube.delete(Subscription, audit);
  await systemClock.sleep(50);
  expect(world.find(Subscription, "audit")?.metadata.finalizers).toEqual(["subscriptions.messaging.knative.dev"]);
  await world.kube.delete(Channel, ofOrders);
  await world.until(() => world.find(Subscription, "audit") === undefined);
  expect(world.find(Channel, "orders")?.metadata.finalizers).toEqual(["channels.messaging.knative.dev"]);
  serve("nats", [[Channel, "orders"]], { state: "removed" });
  await world.until(() => world.find(Channel, "orders") === undefined);
});

test("settles: once ready nothing more is written", async () => {
  await openOrders();
  await systemClock.sleep(100);
  world.kube.writes.length = 0;
  serve("stub", [
    [InMemoryChannel, "orders"],
    [Subscription, "audit"],
  ]);
  const changed = channel("other", withSpec({ channelTemplate: { apiVersion: "example.com/v1", kind: "Gizmo" } }));
  await world.kube.create(Channel, withoutUid(changed));
  await world.until(() => world.ready(Channel, "other") === "False/BusNotFound");
  await systemClock.sleep(100);
  const written = world.kube.writes.filter(({ key }) => key.name === "orders" || key.name === "audit");
  expect(written.map(({ verb, kind, key }) => `${verb} ${kind} ${key.name}`)).toEqual([]);
});
