import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { isObserved } from "@kelvin/api";
import { Channel, InMemoryChannel, Subscription } from "@kelvin/api/messaging/v1/kinds";
import { ConfigMap, CoreService, keyOf, systemClock, type Kind, type KubeObject } from "@kelvin/kube";
import { coreService, withSpec } from "@kelvin/testkit";
import {
  objectsOf,
  openControlOn,
  openFakeApi,
  openRealApi,
  until,
  type Api,
  type ControlOnApi,
} from "./api-servers.ts";
import { busView, served } from "./fake-buses.ts";
import { channel, onNats, subscription } from "./messaging-builders.ts";

const namespace = "default";
// On a real API server, on machines that may be busy.
jest.setTimeout(60_000);

describe.each([
  ["the API server in memory", openFakeApi],
  ["a real API server", openRealApi],
])("channels on %s", (_, openApi) => {
  let api: Api;
  let world: ControlOnApi;
  let objects: ReturnType<typeof objectsOf>;

  beforeAll(async () => {
    api = await openApi();
    objects = objectsOf(api.kube);
  });
  afterAll(() => api.close());
  beforeEach(async () => {
    world = await openControlOn(api);
    world.buses.set("stub", busView({}));
    world.buses.set("nats", busView({}));
  });
  afterEach(async () => {
    // All that there is goes, and the buses let it. Nobody else does that for children here.
    const kinds = [Subscription, Channel, InMemoryChannel, CoreService] as Kind[];
    try {
      await serve("nats", { state: "removed" });
      world.buses.set("stub", undefined);
      for (const kind of kinds) await until(() => isEmptied(kind));
    } finally {
      await world.close();
    }
  });

  async function isEmptied(kind: Kind): Promise<boolean> {
    const { items } = await api.kube.list(kind, { namespace });
    for (const object of items) await api.kube.delete(kind, keyOf(object)).catch(() => undefined);
    return items.length === 0;
  }

  /** The bus serves what there is: as it really does, only a generation of which the status speaks. A deletion raises that. */
  async function serve(bus: string, changes: Parameters<typeof served>[0] = {}): Promise<void> {
    const all = await until(async () => {
      const lists = await Promise.all(
        [Channel, InMemoryChannel, Subscription].map((kind) => api.kube.list(kind as Kind)),
      );
      const found = lists.flatMap(({ items }) => items);
      return (
        found.every((object: KubeObject) => object.metadata.deletionTimestamp !== undefined || isObserved(object)) &&
        found
      );
    });
    const views = all.map(
      ({ metadata: { uid = "", generation = 1 } }) => [uid, served({ generation, ...changes })] as const,
    );
    world.buses.set(
      bus,
      busView(Object.fromEntries(views)),
      views.map(([uid]) => uid),
    );
  }

  const addressOf = async (): Promise<string | undefined> =>
    (await objects.find(Channel, "orders"))?.status?.address?.url;
  const subscriberOf = async (): Promise<string | undefined> =>
    (await objects.find(Subscription, "audit"))?.status?.physicalSubscription?.subscriberUri;

  /** A Channel on the bus in memory with one Subscription, both Ready. */
  async function openOrders(): Promise<void> {
    await objects.create(Channel, channel("orders"));
    await objects.create(Subscription, subscription("audit"));
    await objects.become(Subscription, "audit", "Unknown/SubscriptionNotMarkedReadyByChannel");
    await serve("stub");
    await objects.become(Channel, "orders", "True/");
    await objects.become(Subscription, "audit", "True/");
  }

  test("a Subscription waits for its channel, the channel for its bus, and each says so", async () => {
    await objects.create(Subscription, subscription("audit"));
    await objects.become(Subscription, "audit", "False/ChannelReferenceFailed");
    await openOrdersLater();
    const { uid } = (await objects.find(Subscription, "audit"))?.metadata ?? {};
    const status = await until(async () => {
      const found = (await objects.find(Channel, "orders"))?.status;
      return found?.subscribers?.length === 1 && found;
    });
    expect(status).toMatchObject({
      address: { url: "http://orders-kn-channel.default.svc.cluster.local" },
      channel: { kind: "InMemoryChannel", name: "orders" },
      subscribers: [{ uid, observedGeneration: 1, ready: "True" }],
    });
    expect((await objects.find(CoreService, "orders-kn-channel"))?.spec).toMatchObject({
      type: "ExternalName",
      externalName: "imc-dispatcher.knative-eventing.svc.cluster.local",
    });
  });

  async function openOrdersLater(): Promise<void> {
    await objects.create(Channel, channel("orders"));
    await objects.become(Subscription, "audit", "Unknown/SubscriptionNotMarkedReadyByChannel");
    await serve("stub");
    await objects.become(Subscription, "audit", "True/");
  }

  test("follows its bus as it goes and comes back, and keeps its address meanwhile", async () => {
    await openOrders();
    world.buses.set("stub", undefined);
    await objects.become(Channel, "orders", "False/BusNotFound");
    await objects.become(Subscription, "audit", "False/SubscriptionNotMarkedReadyByChannel");
    expect(await addressOf()).toBeDefined();
    await serve("stub");
    await objects.become(Channel, "orders", "True/");
    await objects.become(Subscription, "audit", "True/");
  });

  test.each(["KafkaChannel", "Gizmo"])("made of a %s that nobody serves is BusNotFound within 5 s", async (kind) => {
    const template = { apiVersion: "messaging.knative.dev/v1beta1", kind };
    await objects.create(Channel, channel("orders", withSpec({ channelTemplate: template })));
    await until(async () => (await objects.readyOf(Channel, "orders")) === "False/BusNotFound", 5);
    expect(await addressOf()).toBeUndefined();
    await api.kube.delete(Channel, { namespace, name: "orders" });
    await until(async () => (await objects.find(Channel, "orders")) === undefined);
  });

  test("a subscriber that comes and goes", async () => {
    await openOrders();
    const ref = { apiVersion: "v1", kind: "Service", namespace, name: "web" };
    const change = { type: "merge", body: { spec: { subscriber: { ref, uri: null } } } } as const;
    await api.kube.patch(Subscription, { namespace, name: "audit" }, change);
    await objects.become(Subscription, "audit", "False/SubscriberResolveFailed");
    expect(await subscriberOf()).toBeUndefined();

    await objects.create(CoreService, coreService("web"));
    await until(async () => (await subscriberOf()) === "http://web.default.svc.cluster.local");
    // The bus still serves the generation before.
    expect(await objects.readyOf(Subscription, "audit")).toBe("Unknown/SubscriptionNotMarkedReadyByChannel");
    await serve("stub");
    await objects.become(Subscription, "audit", "True/");

    await api.kube.delete(CoreService, { namespace, name: "web" });
    await objects.become(Subscription, "audit", "False/SubscriberResolveFailed");
    expect(await subscriberOf()).toBeUndefined();
  });

  test("puts a Service back that somebody deletes", async () => {
    await openOrders();
    const first = (await objects.find(CoreService, "orders-kn-channel"))?.metadata.uid;
    await api.kube.delete(CoreService, { namespace, name: "orders-kn-channel" });
    const again = await until(() => objects.find(CoreService, "orders-kn-channel"));
    expect(again.metadata.uid).not.toBe(first);
  });

  test("what is deleted goes when its bus lets it, and a channel takes its Subscriptions' hold with it", async () => {
    await objects.create(Channel, channel("orders", onNats));
    await objects.create(Subscription, subscription("audit"));
    await objects.become(Subscription, "audit", "Unknown/SubscriptionNotMarkedReadyByChannel");
    await serve("nats");
    await objects.become(Channel, "orders", "True/");
    await objects.become(Subscription, "audit", "True/");

    await api.kube.delete(Subscription, { namespace, name: "audit" });
    await systemClock.sleep(50);
    expect((await objects.find(Subscription, "audit"))?.metadata.finalizers).toEqual([
      "subscriptions.messaging.knative.dev",
    ]);
    await api.kube.delete(Channel, { namespace, name: "orders" });
    await until(async () => (await objects.find(Subscription, "audit")) === undefined);
    expect((await objects.find(Channel, "orders"))?.metadata.finalizers).toEqual(["channels.messaging.knative.dev"]);
    await serve("nats", { state: "removed" });
    await until(async () => (await objects.find(Channel, "orders")) === undefined);
  });

  test("settles: once ready nothing more is written", async () => {
    await openOrders();
    const versions = async (): Promise<(string | undefined)[]> =>
      Promise.all(
        ([Channel, InMemoryChannel, Subscription] as Kind[]).map(
          async (kind) => (await api.kube.list(kind)).items[0]?.metadata.resourceVersion,
        ),
      );
    await until(async () => ((await objects.find(Channel, "orders"))?.status?.subscribers ?? []).length === 1);
    await systemClock.sleep(200);
    const before = await versions();
    await serve("stub");
    // Settings that change reconcile everything anew.
    const metadata = { name: "config-features", namespace: "knative-eventing" };
    await api.kube.create(ConfigMap, { metadata, data: { "delivery-retryafter": "enabled" } });
    await systemClock.sleep(200);
    expect(await versions()).toEqual(before);
    await api.kube.delete(ConfigMap, metadata);
  });
});
