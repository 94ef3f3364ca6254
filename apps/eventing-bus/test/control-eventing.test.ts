import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { getCondition, isObserved, type ConditionedStatus, type KubeObject } from "@kelvin/api";
import { Broker, EventType, Trigger } from "@kelvin/api/eventing/v1/kinds";
import {
  ConfigMap,
  CoreService,
  CustomResourceDefinition,
  keyOf,
  systemClock,
  type Kind,
  type KubeClient,
} from "@kelvin/kube";
import { configMap, coreService, inNamespace, withSpec } from "@kelvin/testkit";
import {
  objectsOf,
  openControlOn,
  openFakeApi,
  openRealApi,
  until,
  type Api,
  type ControlOnApi,
} from "./api-servers.ts";
import { broker, eventType, trigger } from "./eventing-builders.ts";
import { busView, served } from "./fake-buses.ts";
import { Gizmo, gizmoDefinition, setGizmoAddress } from "./gizmo.ts";

const namespace = "default";
// On a real API server, on machines that may be busy.
jest.setTimeout(60_000);

describe.each([
  ["the API server in memory", openFakeApi],
  ["a real API server", openRealApi],
])("role control on %s", (_, openApi) => {
  let api: Api;
  let world: ControlOnApi;
  let kube: KubeClient;

  beforeAll(async () => {
    api = await openApi();
    kube = api.kube;
  });
  afterAll(() => api.close());
  beforeEach(async () => {
    await kube.create(ConfigMap, template("InMemoryChannel"));
    world = await openControlOn(api);
    world.buses.set("stub", busView({}));
  });
  afterEach(async () => {
    // All that there is goes, and the bus lets it.
    for (const kind of [Trigger, Broker, EventType, CoreService] as Kind[]) {
      for (const object of (await kube.list(kind, { namespace })).items) await kube.delete(kind, keyOf(object));
    }
    world.buses.set("stub", undefined);
    await until(async () => (await kube.list(Broker)).items.length + (await kube.list(Trigger)).items.length === 0);
    await kube.delete(ConfigMap, { namespace: "knative-eventing", name: "config-br-default-channel" });
    await world.close();
  });

  const create = <T extends KubeObject>(kind: Kind<T>, object: T): Promise<T> => objectsOf(kube).create(kind, object);
  const readyOf = (kind: Kind, name: string): Promise<string> => objectsOf(kube).readyOf(kind, name);
  const become = (kind: Kind, name: string, want: string): Promise<boolean> => objectsOf(kube).become(kind, name, want);
  /** The bus serves what there is: as it really does, only a generation of which the status speaks. */
  const serve = async (): Promise<void> => {
    const objects = await until(async () => {
      const all: Standing[] = [...(await kube.list(Broker)).items, ...(await kube.list(Trigger)).items];
      return all.every(isObserved) && all;
    });
    const views = objects.map(({ metadata: { uid = "", generation = 1 } }) => [
      uid,
      served({ generation, since: "s-1" }),
    ]);
    const all = Object.fromEntries(views) as Record<string, ReturnType<typeof served>>;
    world.buses.set("stub", busView(all), Object.keys(all));
  };

  test("a Broker follows its configuration and its bus", async () => {
    await kube.delete(ConfigMap, { namespace: "knative-eventing", name: "config-br-default-channel" });
    await create(Broker, broker("default"));
    await become(Broker, "default", "False/ChannelTemplateFailed");
    await kube.create(ConfigMap, template("Nonsense"));
    await become(Broker, "default", "False/BusNotFound");
    await kube.patch(ConfigMap, keyOf(template("")), {
      type: "merge",
      body: { data: template("InMemoryChannel").data },
    });
    await become(Broker, "default", "Unknown/MissingBrokerChannel");
    await serve();
    await become(Broker, "default", "True/");
    const change = { type: "merge", body: { spec: { delivery: { retry: 1 } } } } as const;
    await kube.patch(Broker, { namespace, name: "default" }, change);
    await become(Broker, "default", "Unknown/MissingBrokerChannel");
    await serve();
    await become(Broker, "default", "True/");
    world.buses.set("stub", undefined);
    await become(Broker, "default", "False/BusNotFound");
  });

  test.each(["Kafka", "NatsJetStreamBroker", "Rabbit"])("of class %s it is BusNotFound within 5 s", async (name) => {
    await create(
      Broker,
      broker("default", ({ metadata }) => {
        metadata.annotations = { "eventing.knative.dev/broker.class": name };
      }),
    );
    await until(async () => (await readyOf(Broker, "default")) === "False/BusNotFound", 5);
    const { status } = await kube.get(Broker, { namespace, name: "default" });
    expect(getCondition(status, "Ready")?.message).toMatch(/buses that are there: stub$/);
    expect(status?.address).toBeUndefined();
  });

  test("a Broker follows a configuration of its own, and its dead-letter sink", async () => {
    const own = { apiVersion: "v1", kind: "ConfigMap", namespace: "knative-eventing", name: "own" };
    const ref = { apiVersion: "v1", kind: "Service", namespace, name: "sink" };
    const spec = { config: own, delivery: { deadLetterSink: { ref } } };
    await create(Broker, broker("default", withSpec(spec)));
    await become(Broker, "default", "False/ChannelTemplateFailed");
    const given = template("InMemoryChannel");
    await kube.create(ConfigMap, { ...given, metadata: { namespace: "knative-eventing", name: "own" } });
    await serve();
    await become(Broker, "default", "False/DeadLetterSinkResolveFailed");
    await create(CoreService, sink());
    await become(Broker, "default", "True/");
    await kube.delete(ConfigMap, { namespace: "knative-eventing", name: "own" });
    await become(Broker, "default", "False/ChannelTemplateFailed");
  });

  test("a Broker goes when its bus has removed it", async () => {
    const { metadata } = await create(Broker, broker("default"));
    await serve();
    await become(Broker, "default", "True/");
    await kube.delete(Broker, { namespace, name: "default" });
    await systemClock.sleep(100);
    const { metadata: going } = await kube.get(Broker, { namespace, name: "default" });
    expect(going.finalizers).toEqual(["brokers.eventing.knative.dev"]);
    world.buses.set("stub", busView({ [metadata.uid ?? ""]: served({ state: "removed" }) }), [metadata.uid ?? ""]);
    await until(async () => (await kube.find(Broker, { namespace, name: "default" })) === undefined);
  });

  test("a Trigger may come before its Broker, and is changed in place", async () => {
    const { metadata } = await create(Trigger, trigger("t"));
    await become(Trigger, "t", "False/BrokerDoesNotExist");
    await create(Broker, broker("default"));
    await serve();
    await become(Trigger, "t", "True/");

    const change = { type: "merge", body: { spec: { subscriber: { uri: "http://other.example/" } } } } as const;
    await kube.patch(Trigger, { namespace, name: "t" }, change);
    await become(Trigger, "t", "Unknown/SubscriptionNotConfigured");
    const changed = await kube.get(Trigger, { namespace, name: "t" });
    expect(changed.status).toMatchObject({
      observedGeneration: changed.metadata.generation,
      subscriberUri: "http://other.example/",
      annotations: { "kelvin.dev/since": "s-1", "kelvin.dev/bus": "stub" },
    });
    expect(changed.metadata.uid).toBe(metadata.uid);
    await serve();
    await become(Trigger, "t", "True/");
    await kube.delete(Broker, { namespace, name: "default" });
    await become(Trigger, "t", "False/FailedToGetBroker");
  });

  test("a subscriber that is deleted is forgotten, and found again when it is made anew", async () => {
    const ref = { apiVersion: "v1", kind: "Service", namespace, name: "sink" };
    const uriOf = async (): Promise<string | undefined> =>
      (await kube.find(Trigger, { namespace, name: "t" }))?.status?.subscriberUri;
    const url = "http://sink.default.svc.cluster.local";
    await create(CoreService, sink());
    await create(Trigger, trigger("t", withSpec({ subscriber: { ref } })));
    await until(async () => (await uriOf()) === url);
    await kube.delete(CoreService, { namespace, name: "sink" });
    await until(async () => (await uriOf()) === undefined);
    const { status } = await kube.get(Trigger, { namespace, name: "t" });
    expect(getCondition(status, "SubscriberResolved")).toMatchObject({
      status: "False",
      reason: "SubscriberResolveFailed",
      message: "spec.subscriber: Service default/sink does not exist",
    });
    await create(CoreService, sink());
    await until(async () => (await uriOf()) === url);
  });

  test("an EventType follows what it refers to", async () => {
    const reference = { apiVersion: "eventing.knative.dev/v1", kind: "Broker", namespace, name: "default" };
    await create(EventType, eventType("e", withSpec({ reference })));
    await become(EventType, "e", "False/ReferenceDoesNotExist");
    await create(Broker, broker("default"));
    await become(EventType, "e", "True/");
  });

  test("a subscriber may be of a kind that nobody here has heard of, and that comes later", async () => {
    const ref = { apiVersion: "example.com/v1", kind: "Gizmo", namespace, name: "g" };
    const uriOf = async (): Promise<string | undefined> =>
      (await kube.find(Trigger, { namespace, name: "t" }))?.status?.subscriberUri;
    await create(Trigger, trigger("t", withSpec({ subscriber: { ref, uri: "/in" } })));
    await until(async () => {
      const { status } = await kube.get(Trigger, { namespace, name: "t" });
      return getCondition(status, "SubscriberResolved")?.status === "False";
    });
    await kube.create(CustomResourceDefinition, gizmoDefinition);
    await setGizmoAddress(kube, { namespace, name: "g" }, "http://gizmo.example/box");
    await until(async () => (await uriOf()) === "http://gizmo.example/in", 20);
    await kube.delete(Gizmo, { namespace, name: "g" });
    await until(async () => (await uriOf()) === undefined);
    await kube.delete(CustomResourceDefinition, { name: "gizmata.example.com" });
  });
});

interface Standing extends KubeObject {
  status?: ConditionedStatus;
}

function template(kind: string): ConfigMap {
  const text = `apiVersion: messaging.knative.dev/v1\nkind: ${kind}\n`;
  const object = configMap(
    "config-br-default-channel",
    { "channel-template-spec": text },
    inNamespace("knative-eventing"),
  );
  const { uid: _uid, generation: _generation, ...metadata } = object.metadata;
  return { ...object, metadata };
}

function sink(): CoreService {
  return coreService("sink", withSpec({ ports: [{ port: 80 }] }));
}
