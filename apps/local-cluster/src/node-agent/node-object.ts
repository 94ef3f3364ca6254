import { arch, cpus, hostname, platform, release, totalmem } from "node:os";
import { AlreadyExistsError, type Clock, ConflictError, type KubeClient, Lease, Node } from "@kelvin/kube";
import type { Runtime } from "./runtime/runtime.ts";
import { timestampOf } from "./timestamp.ts";

/** How often the node says that it lives, and how long that is believed. */
const HEARTBEAT_MS = 10_000;
const LEASE_SECONDS = 40;
const PODS_MAX = 250;
const TRIAL_DELAY_MS = 1_000;

const LEASE_NAMESPACE = "kube-node-lease";

export interface NodeOptions {
  kube: KubeClient;
  clock: Clock;
  nodeName: string;
  hostIp: string;
  /** What keeps Pods apart. */
  networkDriver: string;
  /** What else is told of the node, by annotation: what it has and what it lacks. */
  facts: Readonly<Record<string, string>>;
  runtimes: readonly Runtime[];
  reportError: (message: string, error: unknown) => void;
}

/** Makes the Node exist and be Ready, then renews its Lease until `signal` aborts. */
export async function registerNode(options: NodeOptions): Promise<void> {
  const { kube, nodeName, facts: annotations } = options;
  const labels = {
    "kubernetes.io/hostname": nodeName,
    "kubernetes.io/os": platform(),
    "kubernetes.io/arch": kubernetesArch(),
    [runtimesLabel]: namesOf(options.runtimes.filter(({ tried }) => tried === undefined)),
  };
  try {
    await kube.create(Node, {
      apiVersion: "v1",
      kind: "Node",
      metadata: { name: nodeName, labels, annotations },
      spec: {},
    });
  } catch (error) {
    if (!(error instanceof AlreadyExistsError)) throw error;
    // What a former version of us has not said yet.
    await kube.patch(Node, { name: nodeName }, { type: "merge", body: { metadata: { labels, annotations } } });
  }
  const body = { status: makeNodeStatus(options) };
  await kube.patch(Node, { name: nodeName }, { type: "merge", body }, { subresource: "status" });
}

/**
 * Says which runtimes work here, and of those that had to be tried how, or why not. A while after the start: until a Pod
 * wants one, there are more urgent things than trying it.
 */
export async function tellRuntimes(
  { kube, clock, nodeName, runtimes, reportError }: NodeOptions,
  signal: AbortSignal,
): Promise<void> {
  if (runtimes.every(({ tried }) => tried === undefined)) return;
  await clock.sleep(TRIAL_DELAY_MS, signal);
  if (signal.aborted) return;
  const trials = await Promise.all(runtimes.map(async (runtime) => ({ runtime, trial: await runtime.tried?.() })));
  const working = trials.filter(({ trial }) => trial?.works !== false).map(({ runtime }) => runtime);
  const annotations = Object.fromEntries(
    trials.flatMap(({ runtime, trial }) => (trial === undefined ? [] : [[factOf(runtime), trial.fact]])),
  );
  const body = { metadata: { labels: { [runtimesLabel]: namesOf(working) }, annotations } };
  try {
    if (!signal.aborted) await kube.patch(Node, { name: nodeName }, { type: "merge", body });
  } catch (error) {
    if (!signal.aborted) reportError("Failed to say which runtimes the node has", error);
  }
}

const runtimesLabel = "kelvin.dev/runtimes";

function factOf({ name }: Runtime): string {
  return `kelvin.dev/runtime.${name}`;
}

/** A comma would not be a label. */
function namesOf(runtimes: readonly Runtime[]): string {
  return runtimes.map(({ name }) => name).join(".");
}

/** Renews the node's Lease until `signal` aborts. */
export async function runHeartbeat(options: NodeOptions, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await renewLease(options);
      await ensureReady(options);
    } catch (error) {
      if (!(error instanceof ConflictError)) options.reportError("Failed to renew the node's Lease", error);
    }
    await options.clock.sleep(HEARTBEAT_MS, signal);
  }
}

/** Whoever missed us for a while has given the node up; we are here again. */
async function ensureReady(options: NodeOptions): Promise<void> {
  const key = { name: options.nodeName };
  const node = await options.kube.find(Node, key);
  const ready = node?.status?.conditions?.find(({ type }) => type === "Ready");
  if (ready === undefined || ready.status === "True") return;
  const body = { status: makeNodeStatus(options) };
  await options.kube.patch(Node, key, { type: "merge", body }, { subresource: "status" });
}

async function renewLease({ kube, clock, nodeName }: NodeOptions): Promise<void> {
  const key = { namespace: LEASE_NAMESPACE, name: nodeName };
  const renewTime = clock.now().toISOString().replace("Z", "000Z");
  const spec = { holderIdentity: nodeName, leaseDurationSeconds: LEASE_SECONDS, renewTime };
  const found = await kube.find(Lease, key);
  if (found === undefined) {
    await kube.create(Lease, { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata: key, spec });
  } else {
    await kube.update(Lease, { ...found, spec: { ...found.spec, ...spec } });
  }
}

function makeNodeStatus({ clock, hostIp, networkDriver, nodeName }: NodeOptions): object {
  const now = timestampOf(clock);
  const amounts = {
    cpu: String(cpus().length),
    memory: `${Math.floor(totalmem() / 1024)}Ki`,
    pods: String(PODS_MAX),
    "ephemeral-storage": "100Gi",
  };
  const condition = (type: string, status: string, [reason, message]: readonly [string, string]): object => ({
    type,
    status,
    reason,
    message,
    lastHeartbeatTime: now,
    lastTransitionTime: now,
  });
  return {
    capacity: amounts,
    allocatable: amounts,
    addresses: [
      { type: "InternalIP", address: hostIp },
      { type: "Hostname", address: nodeName },
    ],
    conditions: [
      condition("MemoryPressure", "False", ["KubeletHasSufficientMemory", "kelvin has sufficient memory available"]),
      condition("DiskPressure", "False", ["KubeletHasNoDiskPressure", "kelvin has no disk pressure"]),
      condition("PIDPressure", "False", ["KubeletHasSufficientPID", "kelvin has sufficient PID available"]),
      condition("Ready", "True", ["KubeletReady", "the node agent is running"]),
    ],
    daemonEndpoints: { kubeletEndpoint: { Port: 0 } },
    nodeInfo: {
      architecture: kubernetesArch(),
      operatingSystem: platform(),
      kernelVersion: release(),
      osImage: hostname(),
      machineID: "",
      systemUUID: "",
      bootID: "",
      containerRuntimeVersion: `kelvin://${networkDriver}`,
      kubeletVersion: "v1.34.0",
      kubeProxyVersion: "",
    },
  };
}

function kubernetesArch(): string {
  return arch() === "x64" ? "amd64" : arch();
}
