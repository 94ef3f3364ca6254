import { afterEach, expect, test } from "@jest/globals";
import { getCondition, isReady, type ConditionedStatus, type KubeObject } from "@kelvin/api";
import {
  Channel as BusChannel,
  ClusterBus,
  Subscription as BusSubscription,
} from "@kelvin/api/channels/v1alpha1/kinds";
import { Broker, Trigger } from "@kelvin/api/eventing/v1/kinds";
import { InMemoryChannel, Subscription } from "@kelvin/api/messaging/v1/kinds";
import { createLogger } from "@kelvin/http-service";
import {
  ConfigMap,
  CustomResourceDefinition,
  Namespace,
  Pod,
  systemClock,
  type Kind,
  type KubeClient,
} from "@kelvin/kube";
import { openBus, type RunningBus } from "../src/bus/app.ts";
import { parseBusConfig } from "../src/bus/config.ts";
import { openControl } from "../src/control/app.ts";
import { openBusWatch } from "../src/control/bus-watch/open-bus-watch.ts";
import { parseReport } from "../src/model/report.ts";
import { openRealApi, until } from "./api-servers.ts";
import {
  broker,
  brokerConfig,
  bus,
  busChannel,
  busSubscription,
  call,
  EVENT,
  inMemoryChannel,
  openSink,
  subscription,
  trigger,
} from "./bus-world.ts";
import { Gizmo, gizmoDefinition, setGizmoAddress } from "./gizmo.ts";

// Both roles as they are deployed, on the local cluster's API server, with real sockets between all of them.

const log = createLogger("test", { level: "silent" });
const systemNamespace = "knative-eventing";
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

interface Roles {
  readonly kube: KubeClient;
  readonly bus: RunningBus;
  /** Kills the bus as its process's end would, and starts another. */
  restartBus(): Promise<void>;
}

async function openRoles(): Promise<Roles> {
  const api = await openRealApi();
  closers.push(() => api.close());
  const { kube } = api;
  await kube.create(Namespace, { metadata: { name: "shop" } });
  await kube.create(ConfigMap, brokerConfig() as ConfigMap);
  const config = parseBusConfig({ HTTP_PORT: "0", INTERNAL_PORT: "0", POD_NAME: "stub-0", BUS_NAME: "stub" });
  const open = (internalPort: number): Promise<RunningBus> =>
    openBus({ ...config, internalPort, lingerMs: 0 }, { kube, clock: systemClock, log });
  let replica = await open(0);
  closers.push(() => replica.close());
  const port = replica.ports().internal;
  const watch = { kube, systemNamespace, clock: systemClock, log, port };
  const control = await openControl(
    { systemNamespace, podName: "ec-1", host: "127.0.0.1", internalPort: 0, admissionPort: 0 },
    { kube, clock: systemClock, log, openBusWatch: () => openBusWatch(watch) },
  );
  closers.push(() => control.close());
  const labels = { "kelvin.dev/bus": "stub", bus: "stub", role: "dispatcher" };
  const pod: Pod = {
    metadata: { name: "stub-0", namespace: systemNamespace, labels },
    spec: { containers: [{ name: "dispatcher", image: "x" }] },
  };
  await kube.create(Pod, pod);
  const status: Pod["status"] = {
    phase: "Running",
    podIP: "127.0.0.1",
    conditions: [{ type: "Ready", status: "True" }],
  };
  await kube.patch(
    Pod,
    { namespace: systemNamespace, name: "stub-0" },
    { type: "merge", body: { status } },
    { subresource: "status" },
  );
  return {
    kube,
    get bus() {
      return replica;
    },
    async restartBus() {
      await replica.close();
      replica = await open(port);
      await replica.joined;
    },
  };
}

/** Creates it as a user would: what is served of it is somebody else's to say. */
async function create<T extends KubeObject & { status?: ConditionedStatus }>(
  kube: KubeClient,
  kind: Kind<T>,
  object: T,
): Promise<T> {
  const { uid: _uid, generation: _generation, ...metadata } = object.metadata;
  const { status: _status, ...rest } = object;
  return kube.create(kind, { ...rest, metadata } as T);
}

async function untilReady<T extends KubeObject & { status?: ConditionedStatus }>(
  kube: KubeClient,
  kind: Kind<T>,
  name: string,
): Promise<T> {
  let last: T | undefined;
  return until(async () => {
    last = await kube.get(kind, { namespace: "shop", name });
    return isReady(last) && last;
  }, 20).catch(() => {
    throw new Error(`${kind.kind} ${name} is not Ready: ${JSON.stringify(getCondition(last?.status, "Ready"))}`);
  });
}

test("a Broker and a channel from their creation to their end", async () => {
  const roles = await openRoles();
  const { kube } = roles;
  const sink = await openSink();
  closers.push(() => sink.close());
  const post = (path: string, host: string, id: string) =>
    call(roles.bus.ports().http, { path, headers: { host, ...EVENT, "ce-id": id } });
  await roles.bus.joined;

  await create(kube, Broker, broker("orders"));
  await create(kube, Trigger, trigger("t", undefined, { spec: { broker: "orders", subscriber: { uri: sink.url } } }));
  await untilReady(kube, Broker, "orders");
  const ready = await untilReady(kube, Trigger, "t");
  expect(ready.status?.annotations?.["kelvin.dev/since"]).toBeDefined();
  expect((await post("/shop/orders", "broker-ingress", "1")).status).toBe(202);
  await until(() => sink.ids().includes("1"));

  await create(kube, InMemoryChannel, inMemoryChannel("news"));
  await create(kube, Subscription, {
    ...subscription("s", ""),
    spec: { ...subscription("s", "").spec, subscriber: { uri: sink.url } },
  });
  await untilReady(kube, InMemoryChannel, "news");
  await untilReady(kube, Subscription, "s");
  const host = "news-kn-channel.shop.svc.cluster.local";
  expect((await post("/", host, "2")).status).toBe(202);
  await until(() => sink.ids().includes("2"));

  await kube.delete(Trigger, { namespace: "shop", name: "t" });
  await kube.delete(Broker, { namespace: "shop", name: "orders" });
  await kube.delete(InMemoryChannel, { namespace: "shop", name: "news" });
  await kube.delete(Subscription, { namespace: "shop", name: "s" });
  for (const [kind, name] of [
    [Trigger, "t"],
    [Broker, "orders"],
    [InMemoryChannel, "news"],
    [Subscription, "s"],
  ] as const) {
    await until(async () => (await kube.find(kind as Kind<KubeObject>, { namespace: "shop", name })) === undefined, 20);
  }
  expect((await post("/shop/orders", "broker-ingress", "3")).status).toBe(404);
}, 60_000);

test("a stub that is started again serves what it served, and what comes then is for old Triggers too", async () => {
  const roles = await openRoles();
  const { kube } = roles;
  const sink = await openSink();
  closers.push(() => sink.close());
  await roles.bus.joined;
  await create(kube, Broker, broker("orders"));
  await create(kube, Trigger, trigger("t", undefined, { spec: { broker: "orders", subscriber: { uri: sink.url } } }));
  await untilReady(kube, Trigger, "t");
  const post = (id: string) =>
    call(roles.bus.ports().http, { path: "/shop/orders", headers: { ...EVENT, "ce-id": id } });
  for (const id of ["1", "2", "3"]) await post(id);
  await until(() => sink.received.length === 3);
  await roles.restartBus();
  expect((await post("4")).status).toBe(202);
  await until(() => sink.ids().includes("4"));
}, 60_000);

test("events wait while the subscriber is gone, and go where it is when it comes back", async () => {
  const roles = await openRoles();
  const { kube } = roles;
  const [old, next] = [await openSink(), await openSink()];
  closers.push(
    () => old.close(),
    () => next.close(),
  );
  await roles.bus.joined;
  const key = { namespace: "shop", name: "g" };
  await kube.create(CustomResourceDefinition, gizmoDefinition);
  await setGizmoAddress(kube, key, old.url);
  await create(kube, Broker, broker("orders"));
  const ref = { apiVersion: "example.com/v1", kind: "Gizmo", ...key };
  const spec = { broker: "orders", subscriber: { ref } };
  const { uid = "" } = (await create(kube, Trigger, trigger("t", undefined, { spec }))).metadata;
  await untilReady(kube, Trigger, "t");

  const { http, internal } = roles.bus.ports();
  const sent: string[] = [];
  const post = async (): Promise<void> => {
    const id = String(sent.length);
    expect((await call(http, { path: "/shop/orders", headers: { ...EVENT, "ce-id": id } })).status).toBe(202);
    sent.push(id);
  };
  await post();
  await until(() => old.ids().includes("0"));
  await kube.delete(Gizmo, key);
  await until(
    async () => (await kube.get(Trigger, { namespace: "shop", name: "t" })).status?.subscriberUri === undefined,
  );
  // The bus hears of it a little later: what comes before that is still delivered.
  await until(async () => {
    await post();
    const report = parseReport((await call(internal, { path: "/report?after=", method: "GET" })).body);
    return (report.consumers[uid]?.backlog ?? 0) > 0;
  });
  await setGizmoAddress(kube, key, next.url);
  await until(() => next.ids().length > 0);
  await until(() => new Set([...old.ids(), ...next.ids()]).size === sent.length);
  await untilReady(kube, Trigger, "t");
}, 60_000);

test("a channel of the founding kind, from its creation to its end", async () => {
  const roles = await openRoles();
  const { kube } = roles;
  const [sink, to] = [await openSink(() => ({ status: 200, body: "answer" })), await openSink()];
  closers.push(
    () => sink.close(),
    () => to.close(),
  );
  await roles.bus.joined;
  // The control role runs buses from its own image, which its Pod tells.
  const own: Pod = {
    metadata: { name: "ec-1", namespace: systemNamespace },
    spec: { containers: [{ name: "eventing-controller", image: "example.test/eventing-bus" }] },
  };
  await kube.create(Pod, own);
  await create(kube, BusChannel, busChannel("news"));
  const conditionOf = async (type: string): Promise<string> => {
    const { status } = await kube.get(BusChannel, { namespace: "shop", name: "news" });
    const condition = getCondition(status, type);
    return `${condition?.status}/${condition?.reason}`;
  };
  await until(async () => (await conditionOf("Ready")) === "False/BusNotFound");
  const ours = { annotations: { "kelvin.dev/bus": "stub" } };
  await create(kube, ClusterBus, bus("stub", { channel: [{ name: "Size" }] }, ours));
  await until(async () => (await conditionOf("Provisioned")) === "False/MissingArguments");
  const channelPatch = { spec: { arguments: [{ name: "Size", value: "1" }] } };
  await kube.patch(BusChannel, { namespace: "shop", name: "news" }, { type: "merge", body: channelPatch });
  const channel = await untilReady(kube, BusChannel, "news");
  const options = { spec: { subscriber: sink.url, replyTo: to.url } };
  await create(kube, BusSubscription, busSubscription("s", undefined, options));
  await untilReady(kube, BusSubscription, "s");
  const host = channel.status?.domainInternal ?? "";
  expect(host).toBe("news-channel.shop.svc.cluster.local");
  expect((await call(roles.bus.ports().http, { path: "/", headers: { host }, body: "a,b" })).status).toBe(202);
  await until(() => to.received.length === 1);
  expect([sink.received[0]?.body, to.received[0]?.body]).toEqual(["a,b", "answer"]);

  await roles.restartBus();
  await untilReady(kube, BusSubscription, "s");
  for (const [kind, name] of [
    [BusSubscription, "s"],
    [BusChannel, "news"],
  ] as const) {
    await kube.delete(kind as Kind<KubeObject>, { namespace: "shop", name });
    await until(async () => (await kube.find(kind as Kind<KubeObject>, { namespace: "shop", name })) === undefined);
  }
  expect((await call(roles.bus.ports().http, { path: "/", headers: { host } })).status).toBe(404);
}, 60_000);
