import { describe, expect, test } from "@jest/globals";
import { silentLog } from "@kelvin/controller";
import {
  ConfigMap,
  CoreService,
  Deployment,
  EndpointSlice,
  Namespace,
  Node,
  openInformer,
  Pod,
  ReplicaSet,
  ServiceAccount,
} from "@kelvin/kube";
import { fakeClock, openFakeKube, type FakeClock, type FakeKube } from "@kelvin/testkit";
import { openBuiltInControllers } from "./open-built-in-controllers.ts";

/** A cluster of fakes: real controllers, and a node whose agent makes every pod run at once. */
interface Cluster {
  kube: FakeKube;
  clock: FakeClock;
  /** Lets everything run until nobody writes any more. */
  quiet(): Promise<void>;
  close(): Promise<void>;
  /** Restarts the controllers, as after a crash. */
  restart(): Promise<void>;
  podsReady: boolean;
}

async function openCluster(): Promise<Cluster> {
  const clock = fakeClock();
  const kube = openFakeKube({ clock });
  kube.put(node("node-1"));
  const open = (): Promise<{ close(): Promise<void> }> =>
    openBuiltInControllers({ kube, clock, log: silentLog, rootCaCert: "PEM" });
  let controllers = await open();
  const pods = openInformer(kube, Pod);
  let address = 1;
  const cluster: Cluster = {
    kube,
    clock,
    podsReady: true,
    async quiet() {
      for (let idle = 0; idle < 3;) {
        const before = kube.writes.length;
        await clock.settle();
        idle = kube.writes.length === before ? idle + 1 : 0;
      }
    },
    async close() {
      await controllers.close();
      await pods.close();
    },
    async restart() {
      await controllers.close();
      controllers = await open();
    },
  };
  pods.onChange(({ after }) => {
    if (after?.spec?.nodeName === undefined || after.status?.podIP !== undefined || !cluster.podsReady) return;
    address += 1;
    kube.put({ ...after, status: runningStatus(`10.44.0.${address}`, clock) } as Pod);
  });
  await cluster.quiet();
  return cluster;
}

function runningStatus(podIP: string, clock: FakeClock): Pod["status"] {
  const lastTransitionTime = `${clock.now().toISOString().slice(0, 19)}Z`;
  return { phase: "Running", podIP, conditions: [{ type: "Ready", status: "True", lastTransitionTime }] };
}

function node(name: string): Node {
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name },
    spec: {},
    status: {
      allocatable: { cpu: "4", memory: "8Gi", pods: "500" },
      conditions: [{ type: "Ready", status: "True" }],
    },
  };
}

function deployment(replicas: number, image = "one", more: Partial<NonNullable<Deployment["spec"]>> = {}): Deployment {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web", namespace: "default" },
    spec: {
      replicas,
      selector: { matchLabels: { app: "web" } },
      template: { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "c", image }] } },
      ...more,
    },
  };
}

function conditionsOf(
  object: { status?: { conditions?: { type: string; status: string; reason?: string }[] } } | undefined,
): string[] {
  return (object?.status?.conditions ?? [])
    .map(({ type, status, reason }) => `${type}=${status}/${reason ?? ""}`)
    .sort();
}

const web = { namespace: "default", name: "web" };

async function change(cluster: Cluster, spec: object): Promise<void> {
  await cluster.kube.patch(Deployment, web, { type: "merge", body: { spec } });
}

describe("built-in controllers together", () => {
  test("a Deployment becomes pods that are scheduled, and reports them", async () => {
    const cluster = await openCluster();
    await cluster.kube.create(Deployment, deployment(3));
    await cluster.quiet();
    const [replicaSet] = cluster.kube.objects(ReplicaSet);
    expect(replicaSet?.metadata.name).toMatch(/^web-[a-z0-9]{10}$/);
    expect(cluster.kube.objects(Pod).map(({ spec }) => spec?.nodeName)).toEqual(["node-1", "node-1", "node-1"]);
    const [current] = cluster.kube.objects(Deployment);
    expect(current?.status).toMatchObject({
      observedGeneration: 1,
      replicas: 3,
      updatedReplicas: 3,
      readyReplicas: 3,
      availableReplicas: 3,
    });
    expect(current?.status?.unavailableReplicas).toBeUndefined();
    expect(conditionsOf(current)).toEqual([
      "Available=True/MinimumReplicasAvailable",
      "Progressing=True/NewReplicaSetAvailable",
    ]);
    expect(current?.metadata.annotations?.["deployment.kubernetes.io/revision"]).toBe("1");
    await cluster.close();
    expect(cluster.clock.pendingTimers).toBe(0);
  });

  test("a rollout ends with the new template only, keeps the old ReplicaSet, and going back reuses it", async () => {
    const cluster = await openCluster();
    await cluster.kube.create(Deployment, deployment(4));
    await cluster.quiet();
    const template = (image: string): object => ({ template: { spec: { containers: [{ name: "c", image }] } } });
    await change(cluster, template("two"));
    await cluster.quiet();
    const images = (): (string | undefined)[] =>
      cluster.kube.objects(Pod).map(({ spec }) => spec?.containers[0]?.image);
    expect(images()).toEqual(["two", "two", "two", "two"]);
    expect(cluster.kube.objects(ReplicaSet)).toHaveLength(2);
    await change(cluster, template("one"));
    await cluster.quiet();
    expect(images()).toEqual(["one", "one", "one", "one"]);
    expect(cluster.kube.objects(ReplicaSet)).toHaveLength(2);
    expect(cluster.kube.objects(Deployment)[0]?.metadata.annotations?.["deployment.kubernetes.io/revision"]).toBe("3");
    const annotations = cluster.kube.objects(ReplicaSet).map(({ metadata }) => metadata.annotations);
    const histories = annotations.flatMap((each) => each?.["deployment.kubernetes.io/revision-history"] ?? []);
    expect(histories).toEqual(["1"]);
    await cluster.close();
  });

  test("scaling to zero and back needs no new ReplicaSet and stays available", async () => {
    const cluster = await openCluster();
    await cluster.kube.create(Deployment, deployment(1));
    await cluster.quiet();
    await change(cluster, { replicas: 0 });
    await cluster.quiet();
    expect(cluster.kube.objects(Pod)).toEqual([]);
    expect(conditionsOf(cluster.kube.objects(Deployment)[0])).toContain("Available=True/MinimumReplicasAvailable");
    await change(cluster, { replicas: 1 });
    await cluster.quiet();
    expect(cluster.kube.objects(Pod)).toHaveLength(1);
    expect(cluster.kube.objects(ReplicaSet)).toHaveLength(1);
    await cluster.close();
  });

  test("a rollout that makes no progress is reported on time, though nothing changes", async () => {
    const cluster = await openCluster();
    cluster.podsReady = false;
    await cluster.kube.create(Deployment, deployment(1, "broken", { progressDeadlineSeconds: 30 }));
    await cluster.quiet();
    await cluster.clock.advance(29_000);
    await cluster.quiet();
    expect(conditionsOf(cluster.kube.objects(Deployment)[0])).toContain("Progressing=True/ReplicaSetUpdated");
    await cluster.clock.advance(3_000);
    await cluster.quiet();
    expect(conditionsOf(cluster.kube.objects(Deployment)[0])).toContain("Progressing=False/ProgressDeadlineExceeded");
    await cluster.close();
  });

  test("nothing is written twice, and a restart writes nothing", async () => {
    const cluster = await openCluster();
    await cluster.kube.create(Deployment, deployment(2));
    await cluster.kube.create(CoreService, service());
    await cluster.quiet();
    cluster.kube.writes.length = 0;
    await cluster.restart();
    await cluster.quiet();
    expect(cluster.kube.writes).toEqual([]);
    await cluster.close();
  });

  test("deleting a Deployment takes its ReplicaSet and pods with it", async () => {
    const cluster = await openCluster();
    await cluster.kube.create(Deployment, deployment(2));
    await cluster.quiet();
    await cluster.kube.delete(Deployment, web);
    await cluster.quiet();
    expect(cluster.kube.objects(ReplicaSet)).toEqual([]);
    expect(cluster.kube.objects(Pod)).toEqual([]);
    await cluster.close();
  });

  test("a Service's slice follows its pods", async () => {
    const cluster = await openCluster();
    await cluster.kube.create(CoreService, service());
    await cluster.quiet();
    expect(cluster.kube.objects(EndpointSlice)[0]?.endpoints ?? []).toEqual([]);
    await cluster.kube.create(Deployment, deployment(2));
    await cluster.quiet();
    const [slice] = cluster.kube.objects(EndpointSlice);
    expect(slice?.endpoints?.map(({ conditions }) => conditions?.ready)).toEqual([true, true]);
    expect(slice?.ports).toEqual([{ name: "http", protocol: "TCP", port: 8080 }]);
    expect(slice?.metadata.labels).toMatchObject({ "kubernetes.io/service-name": "web" });
    await cluster.close();
  });

  test("a namespace gets its ServiceAccount and root certificate, and both come back", async () => {
    const cluster = await openCluster();
    const key = { namespace: "default", name: "default" };
    await cluster.kube.delete(ServiceAccount, key);
    await cluster.kube.patch(
      ConfigMap,
      { namespace: "default", name: "kube-root-ca.crt" },
      { type: "merge", body: { data: { "ca.crt": "no" } } },
    );
    await cluster.quiet();
    expect(await cluster.kube.find(ServiceAccount, key)).toBeDefined();
    expect((await cluster.kube.get(ConfigMap, { namespace: "default", name: "kube-root-ca.crt" })).data).toEqual({
      "ca.crt": "PEM",
    });
    await cluster.close();
  });

  test("a namespace that is deleted takes everything in it along, and goes last", async () => {
    const cluster = await openCluster();
    cluster.kube.put({ apiVersion: "v1", kind: "Namespace", metadata: { name: "team", finalizers: ["kubernetes"] } });
    await cluster.quiet();
    await cluster.kube.create(ConfigMap, { metadata: { namespace: "team", name: "held", finalizers: ["x.dev/hold"] } });
    await cluster.kube.delete(Namespace, { name: "team" });
    await cluster.quiet();
    const terminating = await cluster.kube.get(Namespace, { name: "team" });
    expect(conditionsOf(terminating)).toContain("NamespaceFinalizersRemaining=True/SomeFinalizersRemain");
    await cluster.kube.patch(
      ConfigMap,
      { namespace: "team", name: "held" },
      { type: "merge", body: { metadata: { finalizers: null } } },
    );
    await cluster.quiet();
    expect(await cluster.kube.find(Namespace, { name: "team" })).toBeUndefined();
    expect(cluster.kube.objects(ServiceAccount).some(({ metadata }) => metadata.namespace === "team")).toBe(false);
    await cluster.close();
  });
});

function service(): CoreService {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "web", namespace: "default" },
    spec: { selector: { app: "web" }, ports: [{ name: "http", port: 80, targetPort: 8080 }] },
  };
}
