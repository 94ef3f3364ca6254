import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { getCondition, type Condition, type KubeObject } from "@kelvin/api";
import { markActive, markScaleTargetInitialized, PodAutoscaler } from "@kelvin/api/autoscaling/v1alpha1";
import { Ingress } from "@kelvin/api/networking/v1alpha1";
import type { RoutingTableReport } from "@kelvin/api/scaling";
import { annotations, Configuration, labels, Revision, Route, Service } from "@kelvin/api/serving/v1";
import { createLogger, type RunningService } from "@kelvin/http-service";
import { ConfigMap, CoreService, deepCopy, Deployment, EndpointSlice, systemClock } from "@kelvin/kube";
import { openFakeKube, type FakeKube } from "@kelvin/testkit";
import { openApp } from "../src/app.ts";
import type { TableAsk } from "../src/ingress/activator-tables.ts";

const namespace = "knative-serving";
const log = createLogger("test", { level: process.env["TEST_LOG"] ?? "silent" });

let kube: FakeKube;
let app: RunningService;
let activator: ReturnType<typeof fakeActivator>;

/** An activator that applies every Ingress at once, or, while `isSlow`, none. */
function fakeActivator(source: FakeKube) {
  let version = 1;
  const state = { isSlow: false, frozen: {} as Record<string, number> };
  const read = (): Record<string, number> =>
    Object.fromEntries(
      source
        .objects(Ingress)
        .map(({ metadata: { namespace: ns, name, generation } }) => [`${ns}/${name}`, generation ?? 0]),
    );
  return {
    state,
    async fetchTable({ signal }: TableAsk): Promise<RoutingTableReport> {
      await systemClock.sleep(5, signal);
      version += 1;
      if (!state.isSlow) state.frozen = read();
      return { bootId: "boot", version, ingresses: state.frozen };
    },
  };
}

beforeEach(async () => {
  kube = openFakeKube({
    objects: [
      configMap("config-domain", { localhost: "" }),
      configMap("config-network", { "kelvin.dev/external-port": "8080" }),
      activatorSlice,
    ],
  });
  activator = fakeActivator(kube);
  app = await openApp(
    { systemNamespace: namespace, podName: "sc-1", host: "127.0.0.1", internalPort: 0, admissionPort: 0 },
    {
      kube,
      clock: systemClock,
      log,
      resolver: { resolve: () => Promise.reject(new Error("no registry here")) },
      fetchTable: (ask) => activator.fetchTable(ask),
    },
  );
});

afterEach(() => app.close());

describe("a Service with the other parts played", () => {
  test("becomes ready with a URL, and its objects are wired to each other", async () => {
    await kube.create(Service, service("hello"));
    await playRevision("hello-00001");
    const ready = await until(() => isReadyNow(Service, "hello"));

    expect(ready.status).toMatchObject({
      url: "http://hello.default.localhost:8080",
      address: { url: "http://hello.default.svc.cluster.local" },
      latestCreatedRevisionName: "hello-00001",
      latestReadyRevisionName: "hello-00001",
      traffic: [{ revisionName: "hello-00001", latestRevision: true, percent: 100 }],
      observedGeneration: 1,
    });
    expect(conditionsOf(ready)).toEqual({ ConfigurationsReady: "True", Ready: "True", RoutesReady: "True" });

    const [ingress] = kube.objects(Ingress);
    expect(ingress?.spec.rules?.map(({ hosts, visibility }) => ({ hosts, visibility }))).toEqual([
      { hosts: ["hello.default", "hello.default.svc", "hello.default.svc.cluster.local"], visibility: "ClusterLocal" },
      { hosts: ["hello.default.localhost"], visibility: "ExternalIP" },
    ]);
    const [placeholder] = kube.objects(CoreService);
    expect(placeholder?.spec).toMatchObject({
      type: "ExternalName",
      externalName: "activator.knative-serving.svc.cluster.local",
    });
  });

  test("moves its traffic to a new Revision only when that is ready, and retires the old one only when the activators follow", async () => {
    await kube.create(Service, service("hello"));
    await playRevision("hello-00001");
    await until(() => isReadyNow(Service, "hello"));

    await editService("hello", "second");
    await until(() => find(PodAutoscaler, "hello-00002"));
    expect(ingressRevisions("hello")).toEqual(["hello-00001"]);

    activator.state.isSlow = true;
    await playRevision("hello-00002");
    await until(() => ingressRevisions("hello").includes("hello-00002"));
    const waiting = await until(() => {
      const route = find(Route, "hello");
      return getCondition(route?.status, "Ready")?.status === "Unknown" ? route : undefined;
    });
    expect(getCondition(waiting.status, "IngressReady")?.reason).toMatch(/IngressNotConfigured|Uninitialized/);
    expect(find(PodAutoscaler, "hello-00001")?.spec.reachability).toBe("Reachable");

    activator.state.isSlow = false;
    await until(() => find(PodAutoscaler, "hello-00001")?.spec.reachability === "Unreachable");
    expect(find(Revision, "hello-00001")?.metadata.labels?.[labels.routingState]).toBe("reserve");
    expect(find(Revision, "hello-00002")?.metadata.labels?.[labels.routingState]).toBe("active");
    expect(find(Revision, "hello-00002")?.metadata.annotations?.[annotations.routes]).toBe("hello");
    await until(() => isReadyNow(Service, "hello"));
  });

  test("settles: once ready nothing more is written", async () => {
    await kube.create(Service, service("hello"));
    await playRevision("hello-00001");
    await until(() => isReadyNow(Service, "hello"));
    await systemClock.sleep(100);
    kube.writes.length = 0;
    kube.put({
      ...configMap("config-domain", { localhost: "" }),
      metadata: { name: "config-domain", namespace, labels: { a: "b" } },
    });
    await systemClock.sleep(100);
    expect(kube.writes.map(({ verb, kind, key }) => `${verb} ${kind} ${key.name}`)).toEqual([]);
  });
});

async function editService(name: string, target: string): Promise<void> {
  const body = {
    spec: {
      template: { spec: { containers: [{ image: "dev.local/hello", env: [{ name: "TARGET", value: target }] }] } },
    },
  };
  await kube.patch(Service, { namespace: "default", name }, { type: "merge", body });
}

/** Plays the Deployment controller, the node and the autoscaler for one Revision: its pods are up. */
async function playRevision(name: string): Promise<void> {
  const deployment = await until(() => find(Deployment, `${name}-deployment`));
  kube.put({
    ...deepCopy(deployment),
    status: {
      replicas: 1,
      readyReplicas: 1,
      availableReplicas: 1,
      conditions: [{ type: "Progressing", status: "True", reason: "NewReplicaSetAvailable" }],
    },
  } as Deployment);
  const podAutoscaler = deepCopy(await until(() => find(PodAutoscaler, name)));
  podAutoscaler.status = {
    desiredScale: 1,
    actualScale: 1,
    observedGeneration: podAutoscaler.metadata.generation ?? 1,
  };
  PodAutoscaler.conditions.initialize(podAutoscaler.status, new Date());
  markScaleTargetInitialized(podAutoscaler.status, new Date());
  markActive(podAutoscaler.status, new Date());
  kube.put(podAutoscaler);
}

function ingressRevisions(name: string): string[] {
  const rule = find(Ingress, name)?.spec.rules?.[0];
  return (rule?.http?.paths?.[0]?.splits ?? []).map(({ serviceName = "" }) => serviceName);
}

function find<T extends KubeObject>(
  kind: Parameters<FakeKube["objects"]>[0] & { objectType?: T },
  name: string,
): T | undefined {
  return (kube.objects(kind) as T[]).find(({ metadata }) => metadata.name === name);
}

function isReadyNow(kind: typeof Service, name: string): Service | undefined {
  const found = find<Service>(kind, name);
  const isObserved = found?.status?.observedGeneration === found?.metadata.generation;
  return isObserved && getCondition(found?.status, "Ready")?.status === "True" ? found : undefined;
}

function conditionsOf(object: { status?: { conditions?: Condition[] } }): Record<string, string> {
  return Object.fromEntries((object.status?.conditions ?? []).map(({ type, status }) => [type, status]));
}

/** Waits for a state, not for a time; gives up loudly. */
async function until<T>(look: () => T | undefined | false): Promise<T> {
  for (let tries = 0; tries < 400; tries += 1) {
    const found = look();
    if (found !== undefined && found !== false) return found;
    await systemClock.sleep(10);
  }
  throw new Error(`never came about: ${look.toString()}\n${describeWorld()}`);
}

function describeWorld(): string {
  const kinds = [Service, Configuration, Revision, Route, Ingress, PodAutoscaler];
  return kinds.map((kind) => JSON.stringify(kube.objects<KubeObject>(kind), undefined, 1)).join("\n");
}

function service(name: string): Service {
  return {
    metadata: { name, namespace: "default" },
    spec: {
      template: { spec: { containers: [{ name: "user-container", image: "dev.local/hello" }] } },
      traffic: [{ latestRevision: true, percent: 100 }],
    },
  };
}

function configMap(name: string, entries: Record<string, string>): ConfigMap {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace }, data: entries };
}

const activatorSlice: EndpointSlice = {
  apiVersion: "discovery.k8s.io/v1",
  kind: "EndpointSlice",
  metadata: { name: "activator-1", namespace, labels: { "kubernetes.io/service-name": "activator" } },
  addressType: "IPv4",
  ports: [{ name: "internal", port: 8090 }],
  endpoints: [
    { addresses: ["10.44.0.2"], conditions: { ready: true }, targetRef: { kind: "Pod", name: "activator-1" } },
  ],
};
