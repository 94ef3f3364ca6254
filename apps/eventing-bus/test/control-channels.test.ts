import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { getCondition, isObserved, setCondition } from "@kelvin/api";
import { Bus, Channel, ClusterBus, Subscription } from "@kelvin/api/channels/v1alpha1/kinds";
import {
  CoreEvent,
  CoreService,
  Deployment,
  isSemanticallyEqual,
  keyOf,
  Namespace,
  Pod,
  RoleBinding,
  ServiceAccount,
  systemClock,
  type Kind,
  type KubeObject,
} from "@kelvin/kube";
import { withAnnotations, withSpec } from "@kelvin/testkit";
import {
  objectsOf,
  openControlOn,
  openFakeApi,
  openRealApi,
  until,
  type Api,
  type ControlOnApi,
} from "./api-servers.ts";
import { bus, busChannel, busSubscription, clusterBus } from "./channels-builders.ts";
import { busView, served } from "./fake-buses.ts";

const namespace = "default";
const system = "knative-eventing";
const image = "ghcr.io/kelvin/eventing-bus:1";
const dispatcherKey = { namespace: system, name: "stub-clusterbus-dispatcher" };
// On a real API server, on machines that may be busy.
jest.setTimeout(60_000);

describe.each([
  ["the API server in memory", openFakeApi],
  ["a real API server", openRealApi],
])("buses and their channels on %s", (_, openApi) => {
  let api: Api;
  let world: ControlOnApi;
  let objects: ReturnType<typeof objectsOf>;

  beforeAll(async () => {
    api = await openApi();
    objects = objectsOf(api.kube);
    // The Pod that role `control` runs in: its image is that of our buses.
    await api.kube.create(Pod, {
      metadata: { name: "ec-1", namespace: system },
      spec: { containers: [{ name: "eventing-controller", image }] },
    });
  });
  afterAll(() => api.close());
  beforeEach(async () => {
    world = await openControlOn(api);
  });
  afterEach(async () => {
    // All that there is goes. Nobody else does that for children here.
    world.buses.set("stub", undefined);
    const kinds = [Subscription, Channel, Bus, ClusterBus, CoreService, Deployment, RoleBinding, ServiceAccount];
    try {
      for (const kind of kinds as Kind[]) await until(() => isEmptied(kind));
    } finally {
      await world.close();
    }
  });

  async function isEmptied(kind: Kind): Promise<boolean> {
    const { items } = await api.kube.list(kind);
    const ours = items.filter(({ metadata }) => !["kubernetes", "default"].includes(metadata.name ?? ""));
    for (const object of ours) await api.kube.delete(kind, keyOf(object)).catch(() => undefined);
    return ours.length === 0;
  }

  const createBus = (object: ClusterBus | Bus): Promise<unknown> => {
    const { uid: _uid, generation: _generation, ...metadata } = object.metadata;
    return api.kube.create((object.kind === "Bus" ? Bus : ClusterBus) as Kind, { ...object, metadata } as KubeObject);
  };
  const readyOf = async (kind: Kind, key: { namespace?: string; name: string }): Promise<string> => {
    const found = (await api.kube.find(kind, key)) as Channel | undefined;
    const { status = "", reason = "" } = getCondition(found?.status, "Ready") ?? {};
    return `${status}/${reason}`;
  };

  /** Its Deployment gets a Pod that is available, as a cluster would do it. */
  async function letRun(key: { namespace: string; name: string }): Promise<void> {
    const deployment = await until(() => api.kube.find(Deployment, key));
    const status = { observedGeneration: deployment.metadata.generation, replicas: 1, availableReplicas: 1 };
    await api.kube.update(Deployment, { ...deployment, status } as Deployment, { subresource: "status" });
  }

  /** The ClusterBus `stub`, running; of this kind. */
  async function openStub(kind = "stub"): Promise<void> {
    await createBus(clusterBus("stub", withAnnotations({ "kelvin.dev/bus": kind })));
    await letRun(dispatcherKey);
    await until(async () => (await readyOf(ClusterBus, { name: "stub" })) === "True/");
    world.buses.set("stub", busView({}));
  }

  /** The bus serves what there is, in the generation that is settled. */
  async function serve(changes: Parameters<typeof served>[0] = {}): Promise<void> {
    const all = await until(async () => {
      const lists = await Promise.all([Channel, Subscription].map((kind) => api.kube.list(kind as Kind)));
      const found = lists.flatMap(({ items }) => items);
      return found.every((each) => each.metadata.deletionTimestamp !== undefined || isObserved(each)) && found;
    });
    const views = all.map(({ metadata: { uid = "", generation = 1 } }) => [uid, served({ generation, ...changes })]);
    world.buses.set(
      "stub",
      busView(Object.fromEntries(views)),
      views.map(([uid]) => uid as string),
    );
  }

  async function openOrders(kind = "stub"): Promise<void> {
    await openStub(kind);
    await objects.create(Channel, busChannel("orders"));
    await objects.create(Subscription, busSubscription("audit"));
    await objects.become(Subscription, "audit", "Unknown/Pending");
    await serve();
    await objects.become(Channel, "orders", "True/");
    await objects.become(Subscription, "audit", "True/");
  }

  test("a ClusterBus becomes Ready, and what is changed or deleted by hand comes back", async () => {
    await openStub();
    const dispatcher = await api.kube.get(Deployment, dispatcherKey);
    expect(dispatcher.spec?.template.spec?.containers[0]?.image).toBe(image);
    await api.kube.patch(Deployment, dispatcherKey, { type: "merge", body: { spec: { replicas: 3 } } });
    await until(async () => (await api.kube.get(Deployment, dispatcherKey)).spec?.replicas === 1);
    const spec = { template: { spec: { containers: [{ name: "dispatcher", image: "other" }] } } };
    await api.kube.patch(Deployment, dispatcherKey, { type: "merge", body: { spec } });
    const imageOf = async (): Promise<string | undefined> =>
      (await api.kube.find(Deployment, dispatcherKey))?.spec?.template.spec?.containers[0]?.image;
    await until(async () => (await imageOf()) === image);
    await api.kube.delete(CoreService, { namespace: system, name: "stub-clusterbus" });
    await until(() => api.kube.find(CoreService, { namespace: system, name: "stub-clusterbus" }));
    await api.kube.delete(Deployment, dispatcherKey);
    await until(() => api.kube.find(Deployment, dispatcherKey));
    await until(async () => (await readyOf(ClusterBus, { name: "stub" })) === "False/PodsUnavailable");
  });

  test("a ClusterBus rolls when its settings change", async () => {
    await openStub();
    const metadata = { annotations: { "kelvin.dev/bus-settings": "2" } };
    await api.kube.patch(ClusterBus, { name: "stub" }, { type: "merge", body: { metadata } });
    await until(async () => {
      const { spec } = await api.kube.get(Deployment, dispatcherKey);
      return spec?.template.metadata?.annotations?.["kelvin.dev/bus-settings"] === "2";
    });
  });

  test("a third party's Bus runs in its namespace as written, by an identity of its own, at the scale that a user wants", async () => {
    await createBus(bus("rabbit", withSpec({ provisioner: { image: "example.com/p:1" } })));
    const key = { namespace, name: "rabbit-bus-dispatcher" };
    for (const name of ["dispatcher", "provisioner"]) await letRun({ namespace, name: `rabbit-bus-${name}` });
    await until(async () => (await readyOf(Bus, { namespace, name: "rabbit" })) === "True/");
    const identity = { namespace, name: "rabbit-bus" };
    expect((await api.kube.get(RoleBinding, identity)).roleRef.name).toBe("kelvin-bus-operator");
    expect((await api.kube.get(Deployment, key)).spec?.template.spec).toMatchObject({
      serviceAccountName: "rabbit-bus",
      containers: [{ image: "example.com/bus:1", args: ["-v"] }],
    });
    await api.kube.patch(Deployment, key, { type: "merge", body: { spec: { replicas: 2 } } });
    const annotations = { "kelvin.dev/bus-settings": "x" };
    await api.kube.patch(Bus, { namespace, name: "rabbit" }, { type: "merge", body: { metadata: { annotations } } });
    const rolled = await until(async () => {
      const deployment = await api.kube.get(Deployment, key);
      return deployment.spec?.template.metadata?.annotations !== undefined && deployment;
    });
    expect(rolled.spec?.replicas).toBe(2);
  });

  test("what a third party's bus says stays, and Ready follows it", async () => {
    await createBus(bus("rabbit"));
    await objects.create(Channel, busChannel("orders", withSpec({ bus: "rabbit", clusterBus: undefined })));
    await objects.create(Subscription, busSubscription("audit"));
    await objects.become(Channel, "orders", "Unknown/Provisioning");
    await objects.become(Subscription, "audit", "Unknown/Pending");
    await say(Channel, "orders", { type: "Provisioned", status: "True", reason: "TopicMade" });
    await say(Subscription, "audit", { type: "Dispatching", status: "True", reason: "Consuming" });
    await objects.become(Channel, "orders", "True/");
    await objects.become(Subscription, "audit", "True/");
    await say(Channel, "orders", { type: "Provisioned", status: "False", reason: "TopicGone" });
    await objects.become(Channel, "orders", "False/TopicGone");
    // Its bus cleans up in its own way: nothing waits for it.
    for (const [kind, name] of [
      [Subscription, "audit"],
      [Channel, "orders"],
    ] as [Kind, string][]) {
      await api.kube.delete(kind, { namespace, name });
      await until(async () => (await api.kube.find(kind, { namespace, name })) === undefined);
    }
  });

  type Said = Parameters<typeof setCondition>[1];

  /** As v0.1's library did it: read, change, write, and try again when somebody was faster. */
  async function say(kind: Kind, name: string, condition: Said): Promise<void> {
    await until(async () => {
      const object = (await api.kube.get(kind, { namespace, name })) as Channel;
      const status = object.status ?? {};
      setCondition(status, condition, new Date());
      const write = api.kube.update(kind, { ...object, status } as KubeObject, { subresource: "status" });
      return await write.then(
        () => true,
        () => false,
      );
    });
  }

  test("a Channel and its Subscription become Ready, and have v0.1's fields", async () => {
    await openOrders();
    expect((await objects.find(Channel, "orders"))?.status).toMatchObject({
      domainInternal: "orders-channel.default.svc.cluster.local",
      service: { name: "orders-channel" },
      address: { url: "http://orders-channel.default.svc.cluster.local" },
    });
    expect((await objects.find(CoreService, "orders-channel"))?.spec).toMatchObject({
      type: "ExternalName",
      externalName: "stub-clusterbus.knative-eventing.svc.cluster.local",
    });
    expect((await objects.find(Subscription, "audit"))?.status?.subscriberUri).toBe(
      "http://sink.default.svc.cluster.local/",
    );
  });

  test("an unknown bus is told within 5 s with those that are there, and the Channel follows when it comes", async () => {
    await openStub();
    await objects.create(Channel, busChannel("orders", withSpec({ clusterBus: "late" })));
    await until(async () => (await objects.readyOf(Channel, "orders")) === "False/BusNotFound", 5);
    const found = await objects.find(Channel, "orders");
    expect(getCondition(found?.status, "Provisioned")?.message).toContain("ClusterBuses that are there: stub");
    await createBus(clusterBus("late"));
    await objects.become(Channel, "orders", "False/BusNotReady");
    await letRun({ namespace: system, name: "late-clusterbus-dispatcher" });
    world.buses.set("late", busView({ [found?.metadata.uid ?? ""]: served() }));
    await objects.become(Channel, "orders", "True/");
    world.buses.set("late", undefined);
  });

  test("missing arguments are told within seconds, of the Channel and of its Subscription, and arguments mend it", async () => {
    await openStub();
    const parameters = { channel: [{ name: "a" }], subscription: [{ name: "b" }] };
    await api.kube.patch(ClusterBus, { name: "stub" }, { type: "merge", body: { spec: { parameters } } });
    await objects.create(Channel, busChannel("orders"));
    await objects.create(Subscription, busSubscription("audit"));
    await until(async () => (await objects.readyOf(Channel, "orders")) === "False/MissingArguments", 5);
    await until(async () => (await objects.readyOf(Subscription, "audit")) === "False/MissingArguments", 5);
    const given = (name: string) => ({ type: "merge", body: { spec: { arguments: [{ name, value: "1" }] } } }) as const;
    await api.kube.patch(Channel, { namespace, name: "orders" }, given("a"));
    await api.kube.patch(Subscription, { namespace, name: "audit" }, given("b"));
    await objects.become(Subscription, "audit", "Unknown/Pending");
    await serve();
    await objects.become(Channel, "orders", "True/");
    await objects.become(Subscription, "audit", "True/");
  });

  test("§1.6 parameters that change are told of Channels and Subscriptions that are there", async () => {
    await openOrders();
    const ask = (parameters: object) =>
      api.kube.patch(ClusterBus, { name: "stub" }, { type: "merge", body: { spec: { parameters } } });
    await ask({ channel: [{ name: "a" }], subscription: [{ name: "b" }] });
    await objects.become(Channel, "orders", "False/MissingArguments");
    await objects.become(Subscription, "audit", "False/MissingArguments");
    await ask({ channel: [{ name: "a", default: "" }], subscription: null });
    await objects.become(Channel, "orders", "True/");
    await objects.become(Subscription, "audit", "True/");
  });

  test("what is deleted goes when its bus lets it", async () => {
    await openOrders();
    await api.kube.delete(Subscription, { namespace, name: "audit" });
    await systemClock.sleep(50);
    expect((await objects.find(Subscription, "audit"))?.metadata.finalizers).toEqual([
      "subscriptions.channels.knative.dev",
    ]);
    await api.kube.delete(Channel, { namespace, name: "orders" });
    await until(async () => (await objects.find(Subscription, "audit")) === undefined);
    expect((await objects.find(Channel, "orders"))?.metadata.finalizers).toEqual(["channels.channels.knative.dev"]);
    await serve({ state: "removed" });
    await until(async () => (await objects.find(Channel, "orders")) === undefined);
  });

  test("a bus that is deleted with live Channels: they say so, and nothing of them stays when they are deleted", async () => {
    await openOrders("kafka");
    await api.kube.delete(ClusterBus, { name: "stub" });
    await objects.become(Channel, "orders", "False/BusNotFound");
    await objects.become(Subscription, "audit", "False/BusNotFound");
    await api.kube.delete(Subscription, { namespace, name: "audit" });
    await api.kube.delete(Channel, { namespace, name: "orders" });
    await until(async () => (await objects.find(Channel, "orders")) === undefined, 5);
    await until(async () => (await objects.find(Subscription, "audit")) === undefined, 5);
    await until(async () => {
      const { items } = await api.kube.list(CoreEvent, { namespace });
      return items.filter(({ reason }) => reason === "BusNotCleaned").length >= 2;
    });
  });

  test("the namespace of a bus that is away ends quickly", async () => {
    const leaving = { namespace: "leaving", name: "orders" };
    await api.kube.create(Namespace, { metadata: { name: "leaving" } });
    await createBus(clusterBus("stub", withAnnotations({ "kelvin.dev/bus": "kafka" })));
    world.buses.set("stub", busView({}));
    const { uid: _uid, generation: _generation, ...metadata } = busChannel("orders").metadata;
    await api.kube.create(Channel, { ...busChannel("orders"), metadata: { ...metadata, ...leaving } });
    await until(async () => (await readyOf(Channel, leaving)) === "Unknown/Provisioning");
    world.buses.set("stub", undefined);
    // With a finalizer the fake's and the real namespace stay while they end; nobody empties them here.
    await api.kube.delete(Namespace, { name: "leaving" });
    await api.kube.delete(Channel, leaving);
    await until(async () => (await api.kube.find(Channel, leaving)) === undefined, 8);
  });

  test("settles: once ready nothing more is written", async () => {
    await openOrders();
    await systemClock.sleep(200);
    const kinds = [ClusterBus, Channel, Subscription, Deployment, CoreService] as Kind[];
    const all = async (): Promise<KubeObject[]> =>
      (await Promise.all(kinds.map((kind) => api.kube.list(kind)))).flatMap(({ items }) => items);
    const before = await all();
    await serve();
    // A second life of the role finds everything as it left it.
    const { buses } = world;
    await world.close();
    world = await openControlOn(api, buses);
    await systemClock.sleep(1_000);
    expect(isSemanticallyEqual(await all(), before)).toBe(true);
  });
});
