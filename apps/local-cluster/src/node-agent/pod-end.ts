import { rm } from "node:fs/promises";
import { Pod } from "@kelvin/kube";
import type { ContainerWorker } from "./container-worker.ts";
import type { PodDoom } from "./pod-doom.ts";
import { dropPrepared } from "./pod-prepare.ts";
import { writePodStatus } from "./pod-report.ts";
import { allWorkers, keyOfPod, type PodRun, sidecarsOf, tell, volumesDirectory } from "./pod-run.ts";
import { releaseVolumes } from "./volumes.ts";

const GRACE_SECONDS_PRESET = 30;

/**
 * One step of a Pod that is being deleted: stops its containers, and when all have ended says how and lets the object go.
 * True when nothing is left to do. `wake` is called when the last container has ended.
 */
export async function endDeletedPod(run: PodRun, wake: () => void): Promise<boolean> {
  const { deps, uid, pod } = run;
  const stopping = stopContainers(run, (pod.metadata.deletionGracePeriodSeconds ?? GRACE_SECONDS_PRESET) * 1000);
  if (allWorkers(run).some((worker) => worker.process !== undefined)) {
    stopping.then(wake).catch((error: unknown) => {
      deps.reportError("Failed to stop a Pod", error);
    });
    await writePodStatus(run);
    return false;
  }
  await stopping;
  await writePodStatus(run);
  // By uid: a successor of the same name must live.
  await deps.kube.delete(Pod, keyOfPod(pod), { gracePeriodSeconds: 0, preconditions: { uid } });
  await releasePod(run);
  return true;
}

/** One step of a Pod that the node ends: its containers stop, and then it has failed. Its object stays. */
export async function endDoomedPod(run: PodRun, doom: PodDoom): Promise<number> {
  if (allWorkers(run).some((worker) => worker.process !== undefined)) {
    if (!run.isDoomTold) tell(run, "Warning", [doom.reason, doom.message]);
    run.isDoomTold = true;
    const graceMs = doom.graceMs ?? (run.pod.spec?.terminationGracePeriodSeconds ?? GRACE_SECONDS_PRESET) * 1000;
    stopContainers(run, graceMs).catch((error: unknown) => {
      run.deps.reportError("Failed to stop a Pod", error);
    });
    await writePodStatus(run);
    return Infinity;
  }
  await writePodStatus(run);
  await leaveNetwork(run);
  return Infinity;
}

/**
 * Stops all containers side by side, and then the sidecars, the last one first: until then others may need them. All of it
 * within one grace period; asked again with less time, they hurry. Resolves when none is left.
 */
export async function stopContainers(run: PodRun, graceMs: number): Promise<void> {
  const { clock } = run.deps;
  run.stopByMs = Math.min(run.stopByMs, clock.monotonicMs() + graceMs);
  const dropping = dropPrepared(run);
  const sidecars = new Set(sidecarsOf(run));
  await Promise.all(
    allWorkers(run)
      .filter((worker) => !sidecars.has(worker))
      .map((worker) => stopWorker(run, worker)),
  );
  for (const sidecar of [...sidecars].reverse()) await stopWorker(run, sidecar);
  await dropping;
}

/** Ends the sidecars of a Pod whose own work is done. */
export async function stopSidecars(run: PodRun): Promise<void> {
  const graceMs = (run.pod.spec?.terminationGracePeriodSeconds ?? GRACE_SECONDS_PRESET) * 1000;
  await stopContainers(run, graceMs);
}

async function stopWorker(run: PodRun, worker: ContainerWorker): Promise<void> {
  if (worker.process !== undefined && run.state === "active" && !run.stopTold.has(worker)) {
    run.stopTold.add(worker);
    const { name } = worker.record;
    tell(run, "Normal", ["Killing", `Stopping container ${name}`, name]);
  }
  await worker.stop(Math.max(0, run.stopByMs - run.deps.clock.monotonicMs()));
}

/** Gives the Pod's address back; its files stay, for its logs may still be read. */
export async function leaveNetwork(run: PodRun): Promise<void> {
  await dropPrepared(run);
  const network = run.held.sandbox?.network;
  run.deps.surroundings.images.release(run.pod);
  run.held.sandbox = undefined;
  await network?.close();
}

/** Removes all that is left of a Pod whose containers have ended. */
export async function releasePod(run: PodRun): Promise<void> {
  await leaveNetwork(run);
  run.deps.running.forget(run.uid);
  await releaseVolumes(volumesDirectory(run), run.pod.spec?.volumes ?? []);
  await rm(run.directory, { recursive: true, force: true });
}
