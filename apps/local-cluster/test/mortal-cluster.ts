import { silentLog } from "@kelvin/controller";
import { CoreEvent, keyOf, type Kind, type KubeClient, Lease, Node, openInformer, Pod } from "@kelvin/kube";
import { fakeClock, type FakeClock } from "@kelvin/testkit";
import { openApiServer } from "../src/api-server/open-api-server.ts";
import { openBuiltInControllers } from "../src/controllers/open-built-in-controllers.ts";

// The controllers on our API server under a clock that stands still, with a life that ends at a given write. Tests only.

/** At which write the controllers die, and whether it is carried out before they do. */
export interface Death {
  readonly atWrite: number;
  readonly isCarriedOut: boolean;
}

export interface MortalClusterOptions {
  readonly death?: Death;
  /** How a pod that runs ends; absent or undefined: it runs on. */
  readonly endOf?: (pod: Pod) => "Succeeded" | "Failed" | undefined;
  readonly nodeNames?: readonly string[];
}

export interface MortalCluster {
  /** The client of the outside world: it outlives the controllers. */
  readonly kube: KubeClient;
  readonly clock: FakeClock;
  /** Every pod that ever was, by uid, as last seen. */
  readonly everyPod: ReadonlyMap<string, Pod>;
  /** The most pods that were active at one time. */
  readonly activeMax: () => number;
  readonly hasDied: () => boolean;
  /** Lets everything run until nobody writes any more, restarting the controllers where they died. */
  quiet(): Promise<void>;
  /** Lets time pass in small steps until `isDone`, at most ten minutes. */
  until(isDone: () => Promise<boolean>): Promise<void>;
  restart(): Promise<void>;
  close(): Promise<void>;
}

export async function openMortalCluster(options: MortalClusterOptions = {}): Promise<MortalCluster> {
  const clock = fakeClock();
  const api = await openApiServer({ listen: [], clock });
  const { kube } = api;
  const { nodeNames = ["node-1"] } = options;
  for (const name of nodeNames) await addNode(kube, name);
  const agent = await openAgent(kube, clock, options.endOf ?? (() => undefined));
  const life = makeMortal(kube, options.death);
  const open = (client: KubeClient): Promise<{ close(): Promise<void> }> =>
    openBuiltInControllers({ kube: client, clock, log: silentLog, rootCaCert: "PEM" });
  let controllers = await open(life.kube);
  life.arm();
  let isReborn = false;

  async function restart(): Promise<void> {
    await controllers.close();
    controllers = await open(kube);
  }
  async function quiet(): Promise<void> {
    const version = async (): Promise<string> => (await kube.list(Node)).resourceVersion;
    for (let idle = 0; idle < 3;) {
      const before = await version();
      await clock.settle();
      if (life.hasDied() && !isReborn) {
        isReborn = true;
        await restart();
      }
      idle = (await version()) === before ? idle + 1 : 0;
    }
  }
  return {
    kube,
    clock,
    everyPod: agent.everyPod,
    activeMax: agent.activeMax,
    hasDied: () => life.hasDied(),
    quiet,
    restart,
    async until(isDone) {
      for (let elapsedSeconds = 0; elapsedSeconds <= 600; elapsedSeconds += 5) {
        await quiet();
        if (await isDone()) return;
        for (const name of nodeNames) await renewLease(kube, name, clock.now());
        await clock.advance(5_000);
      }
      throw new Error("did not come about within ten minutes");
    },
    async close() {
      await controllers.close();
      await agent.close();
      await api.close();
    },
  };
}

async function addNode(kube: KubeClient, name: string): Promise<void> {
  const node = await kube.create(Node, { metadata: { name } });
  const allocatable = { cpu: "4", memory: "8Gi", pods: "500" };
  const status = { allocatable, conditions: [{ type: "Ready", status: "True" }] };
  await kube.update(Node, { ...node, status }, { subresource: "status" });
}

async function renewLease(kube: KubeClient, name: string, now: Date): Promise<void> {
  const key = { namespace: "kube-node-lease", name };
  const lease = await kube.find(Lease, key);
  const spec = { renewTime: now.toISOString().replace("Z", "000Z") };
  if (lease === undefined) await kube.create(Lease, { metadata: key, spec });
  else await kube.update(Lease, { ...lease, spec });
}

interface Agent {
  readonly everyPod: ReadonlyMap<string, Pod>;
  readonly activeMax: () => number;
  close(): Promise<void>;
}

/** Runs pods that are bound, ends them as it is told, and lets go of those that are deleted. */
async function openAgent(
  kube: KubeClient,
  clock: FakeClock,
  endOf: (pod: Pod) => "Succeeded" | "Failed" | undefined,
): Promise<Agent> {
  const everyPod = new Map<string, Pod>();
  let activeMax = 0;
  const pods = openInformer(kube, Pod, { clock });
  const report = (pod: Pod, status: NonNullable<Pod["status"]>): Promise<unknown> =>
    kube.patch(Pod, keyOf(pod), { type: "merge", body: { status } }, { subresource: "status" });
  pods.onChange(({ after: pod }) => {
    activeMax = Math.max(activeMax, pods.list().filter(isActive).length);
    if (pod === undefined) return;
    everyPod.set(pod.metadata.uid ?? "", pod);
    act(pod).catch(() => undefined);
  });
  async function act(pod: Pod): Promise<void> {
    if ((pod.spec?.nodeName ?? "") === "") return;
    if (pod.metadata.deletionTimestamp !== undefined) {
      await kube.delete(Pod, keyOf(pod), { gracePeriodSeconds: 0 });
    } else if (pod.status?.phase === "Pending") {
      await report(pod, { phase: "Running", podIP: "10.44.0.9", conditions: [{ type: "Ready", status: "True" }] });
    } else if (pod.status?.phase === "Running") {
      const phase = endOf(pod);
      if (phase !== undefined) await report(pod, endedStatus(phase, clock.now()));
    }
  }
  await pods.synced;
  return { everyPod, activeMax: () => activeMax, close: () => pods.close() };
}

function endedStatus(phase: "Succeeded" | "Failed", now: Date): NonNullable<Pod["status"]> {
  const finishedAt = now.toISOString();
  const terminated = { exitCode: phase === "Failed" ? 1 : 0, finishedAt };
  const container = { name: "c", image: "i", imageID: "", ready: false, restartCount: 0, state: { terminated } };
  return { phase, conditions: [{ type: "Ready", status: "False" }], containerStatuses: [container] };
}

function isActive({ metadata, status }: Pod): boolean {
  return metadata.deletionTimestamp === undefined && status?.phase !== "Succeeded" && status?.phase !== "Failed";
}

const killed = new Error("the controllers were killed");

interface Life {
  readonly kube: KubeClient;
  /** From now on writes count. */
  arm(): void;
  hasDied(): boolean;
}

/** A client through which nothing passes any more once the given write has been reached. */
function makeMortal(kube: KubeClient, death: Death | undefined): Life {
  let writeCount = 0;
  let isArmed = false;
  let isDead = false;
  async function write<R>(kind: Kind, carryOut: () => Promise<R>): Promise<R> {
    // Events and heartbeats steer nothing, and who closes waits for the last Events.
    if (!isArmed || kind.kind === CoreEvent.kind || kind.kind === Lease.kind) return carryOut();
    if (isDead) throw killed;
    writeCount += 1;
    if (death?.atWrite !== writeCount) return carryOut();
    isDead = true;
    if (death.isCarriedOut) await carryOut();
    throw killed;
  }
  async function read<R>(carryOut: () => Promise<R>): Promise<R> {
    if (isDead) throw killed;
    return carryOut();
  }
  return {
    arm: () => (isArmed = true),
    hasDied: () => isDead,
    kube: {
      ...kube,
      get: (...call) => read(() => kube.get(...call)),
      find: (...call) => read(() => kube.find(...call)),
      create: (...call) => write(call[0], () => kube.create(...call)),
      update: (...call) => write(call[0], () => kube.update(...call)),
      patch: (...call) => write(call[0], () => kube.patch(...call)),
      delete: (...call) => write(call[0], () => kube.delete(...call)),
    },
  };
}
