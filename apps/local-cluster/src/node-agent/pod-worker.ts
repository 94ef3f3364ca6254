import { isSemanticallyEqual, type Pod } from "@kelvin/kube";
import type { ContainerWorker } from "./container-worker.ts";
import { diskCheckPeriodMs, diskLimitsOf, doomByDisk } from "./pod-disk.ts";
import { doomByDeadline, type PodDoom, remainingMs } from "./pod-doom.ts";
import { endDeletedPod, endDoomedPod, leaveNetwork, releasePod, stopContainers } from "./pod-end.ts";
import { hasEnded } from "./pod-restore.ts";
import { writePodStatus } from "./pod-report.ts";
import { dropPrepared, prepareNext } from "./pod-prepare.ts";
import { allWorkers, makePodRun, type PodRun, type PodWorkerDeps } from "./pod-run.ts";
import { startContainers } from "./pod-start.ts";
import { volumeSourcesOf } from "./volume-sources.ts";
import { openWaker } from "./waker.ts";

/** How soon a failed step, such as a refused status write, is tried again. */
const RETRY_DELAY_MS = 500;

export interface PodWorker {
  readonly uid: string;
  readonly pod: Pod;
  container(name: string): ContainerWorker | undefined;
  /** The Pod changed. */
  update(pod: Pod): void;
  /** Something that its volumes may be made from changed. */
  refreshVolumes(): void;
  /** The Pod is gone from the API server: kill at once what is left of it. */
  remove(): void;
  /** Stops the containers and says nothing about it: the whole cluster stops, and the Pod is to live on at the next start. */
  close(graceMs: number): Promise<void>;
  /** Resolves when nothing of the Pod is left on this machine, or after `close`. */
  readonly done: Promise<void>;
  /** Ends our work and lets the containers go on for whoever comes after us. Resolves when nothing is done any more. */
  detach(): Promise<void>;
}

/** Drives one Pod from its assignment to its end, one step at a time; every change wakes the next step. */
export function openPodWorker(first: Pod, deps: PodWorkerDeps): PodWorker {
  const waker = openWaker(deps.clock);
  const run = makePodRun(first, deps, waker.wake);
  const done = drive(run, waker);
  return {
    uid: run.uid,
    get pod() {
      return run.pod;
    },
    container: (name) => run.workers.get(name) ?? run.initWorkers.get(name),
    update(pod) {
      run.hasStaleVolumes ||= hasNewMetadata(run.pod, pod) && volumeSourcesOf(pod).usesPod;
      run.pod = pod;
      if (pod.metadata.deletionTimestamp !== undefined) run.over.abort();
      waker.wake();
    },
    refreshVolumes() {
      run.hasStaleVolumes = true;
      waker.wake();
    },
    remove() {
      run.state = "removed";
      run.over.abort();
      waker.wake();
    },
    async close(graceMs) {
      run.state = "closed";
      run.over.abort();
      waker.wake();
      await stopContainers(run, graceMs);
      await done;
    },
    done,
    async detach() {
      run.state = "detached";
      run.over.abort();
      for (const worker of allWorkers(run)) worker.detach();
      waker.wake();
      await done;
      await dropPrepared(run);
    },
  };
}

/** What of a running Pod's own can change in its files. */
function hasNewMetadata({ metadata: before }: Pod, { metadata: after }: Pod): boolean {
  return !isSemanticallyEqual([before.labels, before.annotations], [after.labels, after.annotations]);
}

type Waker = ReturnType<typeof openWaker>;

async function drive(run: PodRun, waker: Waker): Promise<void> {
  while (run.state !== "closed" && run.state !== "detached") {
    waker.reset();
    let delayMs: number | "finished" = RETRY_DELAY_MS;
    try {
      delayMs = await takeStep(run, waker);
    } catch (error) {
      run.deps.reportError("Failed to bring a Pod on", error);
    }
    if (delayMs === "finished") return;
    await waker.rest(delayMs);
  }
}

/** One pass over the Pod. Gives the longest time until the next. */
async function takeStep(run: PodRun, waker: Waker): Promise<number | "finished"> {
  if (run.state === "removed") {
    await stopContainers(run, 0);
    await releasePod(run);
    return "finished";
  }
  if (run.pod.metadata.deletionTimestamp !== undefined) {
    return (await endDeletedPod(run, waker.wake)) ? "finished" : Infinity;
  }
  run.doom ??= await findDoom(run);
  if (run.doom !== undefined) return endDoomedPod(run, run.doom);
  const delayMs = await startContainers(run);
  const phase = await writePodStatus(run);
  if (phase === "Succeeded" || phase === "Failed") await leaveNetwork(run);
  else await prepareNext(run);
  return Math.min(delayMs, untilDoomMs(run));
}

/** Whether the node is to end the Pod: it has been there too long, or takes too much of the disk. */
async function findDoom(run: PodRun): Promise<PodDoom | undefined> {
  const { pod, startTime, directory } = run;
  const { clock, nowMs } = run.deps;
  const overdue = doomByDeadline(pod, startTime, nowMs());
  if (overdue !== undefined || hasEnded(pod) || clock.monotonicMs() < run.diskCheckAtMs) return overdue;
  const limits = diskLimitsOf(pod, directory);
  run.diskCheckAtMs = limits.length === 0 ? Infinity : clock.monotonicMs() + diskCheckPeriodMs;
  return doomByDisk(limits);
}

function untilDoomMs({ pod, startTime, diskCheckAtMs, deps: { clock, nowMs } }: PodRun): number {
  if (hasEnded(pod)) return Infinity;
  return Math.min(remainingMs(pod, startTime, nowMs()), diskCheckAtMs - clock.monotonicMs());
}
