import { join } from "node:path";
import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { type Informer, openInformer, Pod, systemClock, type Clock, type KubeClient } from "@kelvin/kube";
import type { Network } from "../network/network.ts";
import type { ContainerSurroundings } from "./container-plan.ts";
import type { ContainerEvent } from "./container-worker.ts";
import { type NodeOptions, registerNode, runHeartbeat, tellRuntimes } from "./node-object.ts";
import { openOutputPipes } from "./output-pipes.ts";
import { hasEnded, retractStatus } from "./pod-restore.ts";
import type { PodWorkerDeps } from "./pod-run.ts";
import type { RunningPods } from "./running-pods.ts";
import { openPodWorker, type PodWorker } from "./pod-worker.ts";
import { followVolumeSources } from "./volume-sources.ts";
import type { VolumeDeps } from "./volume-content.ts";

export interface NodeAgentOptions extends Pick<VolumeDeps, "mintToken"> {
  readonly kube: KubeClient;
  readonly network: Network;
  readonly clock?: Clock;
  readonly nodeName: string;
  readonly dataDir: string;
  readonly surroundings: Omit<ContainerSurroundings, "kube" | "outputPipes">;
  /** What is told of the node, as annotations. */
  readonly facts: Readonly<Record<string, string>>;
  /** What outlives the agent. */
  readonly running: RunningPods;
  readonly recordEvent: (pod: Pod, event: ContainerEvent) => void;
  readonly reportError: (message: string, error: unknown) => void;
}

export interface NodeAgent {
  /** The worker of a Pod that is on this node. */
  worker(namespace: string, name: string): PodWorker | undefined;
  /** Where a Pod on this node keeps its files, the logs among them; those of ended Pods too. */
  podDirectory(namespace: string, name: string): string | undefined;
  /** Stops every container, at most `graceMs` each, and leaves the Pods as they are in the API. */
  close(graceMs: number): Promise<void>;
  /** Ends the agent alone: containers go on, and the next agent takes them over. */
  detach(): Promise<void>;
}

/**
 * Runs the Pods that are assigned to `nodeName` as local processes. Resolves once the node is registered and its Pods are
 * known; it speaks to the cluster through `kube` only. Call `forgetFormerLife` before, when nobody else reads yet.
 */
export async function openNodeAgent(options: NodeAgentOptions): Promise<NodeAgent> {
  const { kube, nodeName, reportError, surroundings } = options;
  const clock = options.clock ?? systemClock;
  const podsDirectory = join(options.dataDir, "pods");
  mkdirSync(podsDirectory, { recursive: true });
  const abort = new AbortController();
  const node: NodeOptions = {
    kube,
    clock,
    nodeName,
    hostIp: surroundings.hostIp,
    networkDriver: options.network.driver,
    runtimes: surroundings.runtimes,
    facts: options.facts,
    reportError,
  };
  await registerNode(node);

  const deps: PodWorkerDeps = {
    ...options,
    clock,
    surroundings: { ...surroundings, kube, outputPipes: openOutputPipes(join(options.dataDir, "pipes"), reportError) },
    podsDirectory,
    nowMs: () => clock.now().getTime(),
  };
  const fieldSelector = `spec.nodeName=${nodeName}`;
  const pods = openInformer(kube, Pod, {
    fieldSelector,
    clock,
    onError: (error) => {
      reportError("Failed to watch Pods", error);
    },
  });
  const workers = followPods(pods, deps);
  const sources = followVolumeSources(workers, {
    kube,
    clock,
    onError: (error) => {
      reportError("Failed to watch what volumes are made from", error);
    },
  });
  const talk = Promise.all([runHeartbeat(node, abort.signal), tellRuntimes(node, abort.signal)]);
  await pods.synced;
  return {
    worker: (namespace, name) =>
      [...workers.values()].find(({ pod }) => pod.metadata.name === name && pod.metadata.namespace === namespace),
    podDirectory(namespace, name) {
      const uid = pods.get({ namespace, name })?.metadata.uid;
      return uid === undefined ? undefined : join(podsDirectory, uid);
    },
    async close(graceMs) {
      await endWatching();
      await Promise.all([talk, ...[...workers.values()].map((worker) => worker.close(graceMs))]);
    },
    async detach() {
      await endWatching();
      await Promise.all([talk, ...[...workers.values()].map((worker) => worker.detach())]);
    },
  };

  async function endWatching(): Promise<void> {
    abort.abort();
    await Promise.all([pods.close(), sources.close()]);
  }
}

/** One worker for each incarnation of a Pod, kept until nothing of it is left. */
function followPods(pods: Informer<Pod>, deps: PodWorkerDeps): ReadonlyMap<string, PodWorker> {
  const workers = new Map<string, PodWorker>();

  function open(pod: Pod): void {
    const worker = openPodWorker(pod, deps);
    workers.set(worker.uid, worker);
    worker.done
      .then(() => workers.delete(worker.uid))
      .catch((error: unknown) => {
        deps.reportError("A Pod's worker failed", error);
      });
  }

  pods.onChange(({ before, after }) => {
    if (after === undefined) {
      workers.get(before?.metadata.uid ?? "")?.remove();
      return;
    }
    const worker = workers.get(after.metadata.uid ?? "");
    if (worker !== undefined) worker.update(after);
    else if (!hasEnded(after) || after.metadata.deletionTimestamp !== undefined) open(after);
  });
  return workers;
}

/**
 * Takes back what Pods on this node say of processes that ended with the cluster's former life, and removes the files of
 * Pods that are gone.
 */
export async function forgetFormerLife(
  { kube, nodeName, dataDir }: Pick<NodeAgentOptions, "kube" | "nodeName" | "dataDir">,
  now: string,
): Promise<void> {
  const { items } = await kube.list(Pod, { fieldSelector: `spec.nodeName=${nodeName}` });
  await Promise.all(items.map((pod) => retractStatus(pod, kube, now)));
  const podsDirectory = join(dataDir, "pods");
  const known = new Set(items.map(({ metadata }) => metadata.uid));
  const left = existsSync(podsDirectory) ? readdirSync(podsDirectory) : [];
  for (const uid of left.filter((name) => !known.has(name)))
    rmSync(join(podsDirectory, uid), { recursive: true, force: true });
}
