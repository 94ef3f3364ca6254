import { describe, expect, test } from "@jest/globals";
import { TerminalError, silentRecorder } from "@kelvin/controller";
import { Node, Pod } from "@kelvin/kube";
import { fakeClock, openFakeKube, type FakeKube } from "@kelvin/testkit";
import { demandOf } from "./demand.ts";
import { openAssumptions } from "./assumptions.ts";
import { parseQuantity } from "./quantity.ts";
import { reconcileScheduling, type SchedulerDeps } from "./reconcile.ts";

type PodSpec = NonNullable<Pod["spec"]>;

function node(
  name: string,
  more: { spec?: Node["spec"]; labels?: Record<string, string>; ready?: string; cpu?: string } = {},
): Node {
  return {
    metadata: { name, labels: { "kubernetes.io/hostname": name, ...more.labels } },
    spec: more.spec ?? {},
    status: {
      allocatable: { cpu: more.cpu ?? "2", memory: "1Gi", pods: "3" },
      conditions: [{ type: "Ready", status: more.ready ?? "True" }],
    },
  };
}

function requesting(requests: Record<string, string>): PodSpec {
  return { containers: [{ name: "c", resources: { requests } }] };
}

async function schedule(
  spec: PodSpec,
  nodes: Node[],
  running: Pod[] = [],
): Promise<{ nodeName: string | undefined; message: string | undefined; kube: FakeKube; deps: SchedulerDeps }> {
  const kube = openFakeKube();
  const pod = await kube.create(Pod, { metadata: { name: "p", namespace: "default" }, spec });
  const deps: SchedulerDeps = {
    kube,
    clock: fakeClock(),
    recorder: silentRecorder,
    nodes: () => nodes,
    podsOn: (name) => running.filter((other) => other.spec?.nodeName === name),
    assumptions: openAssumptions(),
  };
  await reconcileScheduling(pod, deps);
  const stored = await kube.get(Pod, { namespace: "default", name: "p" });
  const scheduled = pod.status?.conditions?.find(({ type }) => type === "PodScheduled");
  if (scheduled !== undefined) expect(scheduled).toMatchObject({ status: "False", reason: "Unschedulable" });
  return { nodeName: stored.spec?.nodeName, message: scheduled?.message, kube, deps };
}

const plain: PodSpec = { containers: [{ name: "c" }] };

describe("reconcileScheduling", () => {
  test("a pod goes to the node with the fewest pods", async () => {
    const running: Pod[] = [{ metadata: {}, spec: { containers: [], nodeName: "a" } }];
    expect((await schedule(plain, [node("a"), node("b")], running)).nodeName).toBe("b");
  });

  const fits = (spec: PodSpec, ...nodes: Node[]): { spec: PodSpec; nodes: Node[] } => ({ spec, nodes });
  const misfits: [name: string, world: { spec: PodSpec; nodes: Node[] }, message: string][] = [
    ["there is no node", fits(plain), "no nodes available to schedule pods"],
    ["too much cpu", fits(requesting({ cpu: "10000" }), node("a")), "0/1 nodes are available: 1 Insufficient cpu."],
    [
      "too much of both",
      fits(requesting({ cpu: "3", memory: "2Gi" }), node("a")),
      "0/1 nodes are available: 1 Insufficient cpu, 1 Insufficient memory.",
    ],
    [
      "too much of what the node has none of",
      fits(requesting({ "x.dev/gpu": "1", "ephemeral-storage": "1Gi" }), node("a")),
      "0/1 nodes are available: 1 Insufficient ephemeral-storage, 1 Insufficient x.dev/gpu.",
    ],
    [
      "limits count where requests are absent",
      fits({ containers: [{ name: "c", resources: { limits: { cpu: "3" } } }] }, node("a")),
      "0/1 nodes are available: 1 Insufficient cpu.",
    ],
    [
      "the node is cordoned",
      fits(plain, node("a", { spec: { unschedulable: true } })),
      "0/1 nodes are available: 1 node(s) were unschedulable.",
    ],
    [
      "the node is not ready",
      fits(plain, node("a", { ready: "Unknown" })),
      "0/1 nodes are available: 1 node(s) were not ready.",
    ],
    [
      "no label matches",
      fits({ ...plain, nodeSelector: { disk: "ssd" } }, node("a"), node("b")),
      "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector.",
    ],
    [
      "a taint",
      fits(plain, node("a", { spec: { taints: [{ key: "gpu", value: "yes", effect: "NoSchedule" }] } })),
      "0/1 nodes are available: 1 node(s) had untolerated taint {gpu: yes}.",
    ],
    [
      "each node has its reason",
      fits(requesting({ cpu: "3" }), node("a"), node("b", { ready: "False" })),
      "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) were not ready.",
    ],
  ];
  test.each(misfits)("says why when %s", async (_, { spec, nodes }, message) => {
    const found = await schedule(spec, nodes);
    expect([found.nodeName, found.message?.replace(/ preemption: .*/, "")]).toEqual([undefined, message]);
  });

  test("says that nobody is sent away, and whether that would help", async () => {
    const message =
      "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) were unschedulable. preemption: 0/2 nodes are available: " +
      "1 No preemption victims found for incoming pod, 1 Preemption is not helpful for scheduling.";
    const nodes = [node("a"), node("b", { spec: { unschedulable: true } })];
    expect((await schedule(requesting({ cpu: "3" }), nodes)).message).toBe(message);
  });

  test("init containers count one by one beside the sidecars before them, and overhead is added", () => {
    const container = (cpu: string, restartPolicy?: string): object => ({
      name: "c",
      resources: { requests: { cpu, "x.dev/gpu": "1" } },
      ...(restartPolicy !== undefined && { restartPolicy }),
    });
    const spec = {
      initContainers: [container("100m", "Always"), container("2"), container("300m", "Always"), container("1")],
      containers: [container("500m"), container("400m")],
      overhead: { cpu: "50m" },
    } as unknown as PodSpec;
    expect(demandOf({ metadata: {}, spec }).amounts).toEqual({ cpu: 2150, "x.dev/gpu": 4, pods: 1 });
  });

  test("tenths add up", async () => {
    const running = ["100m", "200m"].map((cpu): Pod => ({
      metadata: {},
      spec: { ...requesting({ cpu }), nodeName: "a" },
    }));
    expect((await schedule(requesting({ cpu: "0.3" }), [node("a", { cpu: "0.6" })], running)).nodeName).toBe("a");
  });

  const listening = (hostPort: number, more: object = {}): PodSpec => ({
    containers: [{ name: "c", ports: [{ containerPort: 80, hostPort, ...more }] }],
  });
  test.each<[string, PodSpec, string | undefined]>([
    ["another port", listening(81), "a"],
    ["the same port", listening(80), undefined],
    ["the same port of another protocol", listening(80, { protocol: "UDP" }), "a"],
    ["the same port on one address", listening(80, { hostIP: "10.0.0.1" }), undefined],
  ])("host ports: %s", async (_, spec, nodeName) => {
    const running: Pod[] = [{ metadata: {}, spec: { ...listening(80), nodeName: "a" } }];
    expect((await schedule(spec, [node("a")], running)).nodeName).toBe(nodeName);
  });

  const affinity = (operator: string, values?: string[]): PodSpec => ({
    ...plain,
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [
            { matchExpressions: [{ key: "zone", operator, ...(values !== undefined && { values }) }] },
          ],
        },
      },
    },
  });
  test.each<[string, PodSpec, string | undefined]>([
    ["In", affinity("In", ["x", "y"]), "a"],
    ["NotIn", affinity("NotIn", ["y"]), undefined],
    ["Exists", affinity("Exists"), "a"],
    ["DoesNotExist", affinity("DoesNotExist"), undefined],
    ["Gt", affinity("Gt", ["1"]), undefined],
  ])("node affinity %s", async (_, spec, nodeName) => {
    expect((await schedule(spec, [node("a", { labels: { zone: "y" } })])).nodeName).toBe(nodeName);
  });

  test("a tolerated taint is none", async () => {
    const spec: PodSpec = { ...plain, tolerations: [{ key: "gpu", operator: "Exists" }] };
    const tainted = node("a", { spec: { taints: [{ key: "gpu", effect: "NoSchedule" }] } });
    expect((await schedule(spec, [tainted])).nodeName).toBe("a");
  });

  test("what is taken by running pods is not there for others; what finished pods took is", async () => {
    const running = (phase: string): Pod[] => [
      { metadata: {}, spec: { ...requesting({ cpu: "1500m" }), nodeName: "a" }, status: { phase } },
    ];
    expect((await schedule(requesting({ cpu: "1" }), [node("a")], running("Running"))).nodeName).toBeUndefined();
    expect((await schedule(requesting({ cpu: "1" }), [node("a")], running("Succeeded"))).nodeName).toBe("a");
  });

  test("pods that arrive together do not all get the last free place", async () => {
    const { kube, deps } = await schedule(requesting({ cpu: "1500m" }), [node("a")]);
    const second = await kube.create(Pod, {
      metadata: { name: "q", namespace: "default" },
      spec: requesting({ cpu: "1" }),
    });
    deps.assumptions.assume("p", "a", { amounts: { cpu: 1500, pods: 1 }, hostPorts: [] });
    await reconcileScheduling(second, deps);
    expect((await kube.get(Pod, { namespace: "default", name: "q" })).spec?.nodeName).toBeUndefined();
  });

  test("a binding that failed holds no place", async () => {
    const { kube, deps } = await schedule(plain, []);
    kube.intercept(({ verb }) => {
      if (verb === "patch") throw new Error("down");
    });
    const pod = await kube.get(Pod, { namespace: "default", name: "p" });
    await expect(reconcileScheduling(pod, { ...deps, nodes: () => [node("a")] })).rejects.toThrow("down");
    expect(deps.assumptions.heldOn("a").amounts).toEqual({});
  });

  test("a request that is no quantity is the pod's fault, and said so", async () => {
    await expect(schedule(requesting({ cpu: "lots" }), [node("a")])).rejects.toThrow(TerminalError);
  });

  test("a pod of another scheduler, or one with gates, is left alone", async () => {
    expect((await schedule({ ...plain, schedulerName: "mine" }, [node("a")])).nodeName).toBeUndefined();
    expect((await schedule({ ...plain, schedulingGates: [{ name: "g" }] }, [node("a")])).nodeName).toBeUndefined();
  });
});

test.each([
  ["100m", 0.1],
  ["2", 2],
  ["1.5", 1.5],
  ["1Ki", 1024],
  ["1e3", 1000],
  ["5E", 5e18],
  ["128974848", 128_974_848],
])("parseQuantity(%s) is %d", (text, value) => {
  expect(parseQuantity(text)).toBeCloseTo(value);
});
