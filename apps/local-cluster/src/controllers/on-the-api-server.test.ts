import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { silentLog } from "@kelvin/controller";
import {
  ConfigMap,
  CoreService,
  CustomResourceDefinition,
  Deployment,
  EndpointSlice,
  type Informer,
  type Kind,
  type KubeClient,
  keyOf,
  Namespace,
  Node,
  openInformer,
  Pod,
  ReplicaSet,
  systemClock,
} from "@kelvin/kube";
import { type ApiServer, openApiServer } from "../api-server/open-api-server.ts";
import { Endpoints } from "./endpoints/endpoints-kind.ts";
import { openBuiltInControllers } from "./open-built-in-controllers.ts";

// The controllers on the server they are made for: its defaults, its grace periods, its finalizers, its no-op writes.

let api: ApiServer;
let kube: KubeClient;
let pods: Informer<Pod>;
let controllers: { close(): Promise<void> };

beforeEach(async () => {
  api = await openApiServer({ listen: [] });
  kube = api.kube;
  controllers = await openBuiltInControllers({ kube, clock: systemClock, log: silentLog, rootCaCert: api.caCert });
  await addNode();
  pods = openInformer(kube, Pod);
  pods.onChange(({ after }) => void actAsAgent(after).catch(() => undefined));
  await pods.synced;
});

afterEach(async () => {
  await controllers.close();
  await pods.close();
  await api.close();
});

async function addNode(): Promise<void> {
  const node = await kube.create(Node, { metadata: { name: "node-1" } });
  const allocatable = { cpu: "4", memory: "8Gi", pods: "500" };
  const status = { allocatable, conditions: [{ type: "Ready", status: "True" }] };
  await kube.update(Node, { ...node, status }, { subresource: "status" });
}

/** Runs pods that are bound, and ends those that are deleted. */
async function actAsAgent(pod: Pod | undefined): Promise<void> {
  if (pod?.spec?.nodeName === undefined) return;
  if (pod.metadata.deletionTimestamp !== undefined) return kube.delete(Pod, keyOf(pod), { gracePeriodSeconds: 0 });
  if (pod.status?.podIP !== undefined) return;
  const status = { phase: "Running", podIP: "10.44.0.9", conditions: [{ type: "Ready", status: "True" }] };
  await kube.patch(Pod, keyOf(pod), { type: "merge", body: { status } }, { subresource: "status" });
}

async function eventually(isSo: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + 4_000;
  while (!(await isSo())) {
    if (performance.now() > endMs) throw new Error("did not come about within 4 s");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function deployment(replicas: number, image = "dev.local/one"): Deployment {
  const labels = { app: "web" };
  return {
    metadata: { name: "web", namespace: "default" },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: "c", image }] } },
    },
  };
}

const web = { namespace: "default", name: "web" };

async function isAvailable(replicas: number): Promise<boolean> {
  const { metadata, status } = await kube.get(Deployment, web);
  const isSeen = status?.observedGeneration === metadata.generation;
  return isSeen && (status?.availableReplicas ?? 0) === replicas && (status?.replicas ?? 0) === replicas;
}

describe("on the API server", () => {
  test("a Deployment is run, rolled out, scaled to zero and back, and deleted", async () => {
    await kube.create(Deployment, deployment(3));
    await eventually(() => isAvailable(3));
    const containers = [{ name: "c", image: "dev.local/two" }];
    const patch = (spec: object): Promise<Deployment> => kube.patch(Deployment, web, { type: "merge", body: { spec } });
    await patch({ template: { spec: { containers } } });
    await eventually(
      async () =>
        (await isAvailable(3)) && pods.list().every(({ spec }) => spec?.containers[0]?.image === "dev.local/two"),
    );
    await patch({ replicas: 0 });
    await eventually(async () => (await isAvailable(0)) && pods.list().length === 0);
    await patch({ replicas: 1 });
    await eventually(() => isAvailable(1));
    expect((await kube.list(ReplicaSet)).items).toHaveLength(2);
    await kube.delete(Deployment, web, { propagationPolicy: "Foreground" });
    await eventually(async () => (await kube.find(Deployment, web)) === undefined);
    expect([(await kube.list(ReplicaSet)).items, (await kube.list(Pod)).items]).toEqual([[], []]);
  });

  test("when all is as it should be, nothing is written, over a restart of the controllers too", async () => {
    await kube.create(Deployment, deployment(2));
    await eventually(() => isAvailable(2));
    const version = async (): Promise<string> => (await kube.list(Pod)).resourceVersion;
    let before = "";
    await eventually(async () => before === (before = await settled(version)));
    await controllers.close();
    controllers = await openBuiltInControllers({ kube, clock: systemClock, log: silentLog, rootCaCert: api.caCert });
    expect(await settled(version)).toBe(before);
  });

  test("a pod with scheduling gates says so, and is scheduled once they are open", async () => {
    const key = { namespace: "default", name: "gated" };
    const spec = { containers: [{ name: "c", image: "i" }], schedulingGates: [{ name: "x.dev/gate" }] };
    const made = await kube.create(Pod, { metadata: key, spec });
    expect(made.status?.conditions).toMatchObject([{ type: "PodScheduled", reason: "SchedulingGated" }]);
    await kube.patch(Pod, key, { type: "merge", body: { spec: { schedulingGates: null } } });
    await eventually(async () => (await kube.get(Pod, key)).spec?.nodeName === "node-1");
  });

  test("Endpoints follow the slices of a Service; slices follow Endpoints that were written by hand", async () => {
    await kube.create(Deployment, deployment(1));
    const metadata = { name: "web", namespace: "default" };
    const ports = [{ port: 80 }];
    await kube.create(CoreService, { metadata, spec: { selector: { app: "web" }, ports } });
    const readyOf = async (): Promise<unknown> =>
      (await kube.find(Endpoints, metadata))?.subsets?.[0]?.addresses?.[0]?.ip;
    await eventually(async () => (await readyOf()) === "10.44.0.9");
    await kube.delete(CoreService, metadata);
    await eventually(async () => (await kube.find(Endpoints, metadata)) === undefined);

    const subsets = [{ addresses: [{ ip: "192.0.2.1" }], ports: [{ port: 80 }] }];
    await kube.create(Endpoints, { metadata: { ...metadata, name: "hand" }, subsets });
    await kube.create(CoreService, { metadata: { ...metadata, name: "hand" }, spec: { ports } });
    const mirrored = async (): Promise<unknown[]> =>
      (await kube.list(EndpointSlice, { labelSelector: "kubernetes.io/service-name=hand" })).items;
    await eventually(async () => (await mirrored()).length === 1);
    await kube.patch(
      CoreService,
      { ...metadata, name: "hand" },
      { type: "merge", body: { spec: { selector: { a: "b" } } } },
    );
    await eventually(async () => (await kube.get(Endpoints, { ...metadata, name: "hand" })).subsets === undefined);
  });

  test("a namespace goes with all that is in it, custom objects included, and last", async () => {
    await kube.create(CustomResourceDefinition, definition);
    await kube.create(Namespace, { metadata: { name: "team" } });
    await kube.create(ConfigMap, { metadata: { namespace: "team", name: "c", finalizers: ["x.dev/hold"] } });
    await eventually(() =>
      kube.create(Widget, { metadata: { namespace: "team", name: "w" } }).then(
        () => true,
        () => false,
      ),
    );
    await kube.create(Pod, {
      metadata: { namespace: "team", name: "p" },
      spec: { containers: [{ name: "c", image: "i" }] },
    });
    await kube.delete(Namespace, { name: "team" });
    const conditions = async (): Promise<string[]> =>
      ((await kube.get(Namespace, { name: "team" })).status?.conditions ?? []).map(
        ({ type, status }) => `${type}=${status}`,
      );
    await eventually(async () => (await conditions()).includes("NamespaceFinalizersRemaining=True"));
    expect((await kube.get(Namespace, { name: "team" })).status?.phase).toBe("Terminating");
    const remaining = async (): Promise<string | undefined> =>
      (await kube.get(Namespace, { name: "team" })).status?.conditions?.find(
        ({ type }) => type === "NamespaceContentRemaining",
      )?.message;
    const last = "Some resources are remaining: configmaps has 1 resource instances";
    await eventually(async () => (await remaining()) === last);
    await kube.patch(
      ConfigMap,
      { namespace: "team", name: "c" },
      { type: "merge", body: { metadata: { finalizers: null } } },
    );
    await eventually(async () => (await kube.find(Namespace, { name: "team" })) === undefined);
    expect([(await kube.list(Widget)).items, (await kube.list(Pod)).items]).toEqual([[], []]);
  });
});

async function settled(version: () => Promise<string>): Promise<string> {
  await new Promise((resolve) => setTimeout(resolve, 200));
  return version();
}

const Widget: Kind = { group: "x.dev", version: "v1", kind: "Widget", plural: "widgets", namespaced: true };
const definition: CustomResourceDefinition = {
  metadata: { name: "widgets.x.dev" },
  spec: {
    group: "x.dev",
    scope: "Namespaced",
    names: { kind: "Widget", plural: "widgets", singular: "widget", listKind: "WidgetList" },
    versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: { type: "object" } } }],
  },
};
