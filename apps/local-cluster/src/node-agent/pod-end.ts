import { rm } from "node:fs/promises";
import { Pod } from "@kelvin/kube";
import { writePodStatus } from "./pod-report.ts";
import { allWorkers, keyOfPod, type PodRun, tell, volumesDirectory } from "./pod-run.ts";
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

/** Stops all containers side by side; asked again with less time, they hurry. Resolves when none is left. */
export async function stopContainers(run: PodRun, graceMs: number): Promise<void> {
  const workers = allWorkers(run);
  for (const worker of workers) {
    if (worker.process === undefined || run.state !== "active" || run.stopTold.has(worker)) continue;
    run.stopTold.add(worker);
    tell(run, "Normal", ["Killing", `Stopping container ${worker.record.name}`]);
  }
  await Promise.all(workers.map((worker) => worker.stop(graceMs)));
}

/** Gives the Pod's address back; its files stay, for its logs may still be read. */
export async function leaveNetwork(run: PodRun): Promise<void> {
  const network = run.sandbox?.network;
  run.sandbox = undefined;
  await network?.close();
}

/** Removes all that is left of a Pod whose containers have ended. */
export async function releasePod(run: PodRun): Promise<void> {
  await leaveNetwork(run);
  await releaseVolumes(volumesDirectory(run), run.pod.spec?.volumes ?? []);
  await rm(run.directory, { recursive: true, force: true });
}
