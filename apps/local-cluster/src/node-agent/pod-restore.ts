import type { KubeClient } from "@kelvin/kube";
import { Pod } from "@kelvin/kube";
import {
  type ContainerRecord,
  mayRestart,
  newContainerRecord,
  type RestartPolicy,
  type Termination,
} from "./container-record.ts";
import { containerIdPrefix, type PodStatus } from "./pod-status.ts";
import type { HeldRun } from "./running-pods.ts";

type ContainerStatus = NonNullable<PodStatus["containerStatuses"]>[number];

/** What is said of a container that ran when the cluster was stopped: nobody saw how it ended. */
const UNSEEN_EXIT_CODE = 255;

/** The record of a container as a former life of the cluster left it: no process of it is left. */
export function recordFromStatus(
  status: ContainerStatus,
  { policy, now }: { policy: RestartPolicy; now: string },
): ContainerRecord {
  const record = {
    ...newContainerRecord(status.name),
    restartCount: status.restartCount,
    ...(status.imageID !== "" && { imageId: status.imageID }),
  };
  const terminated = status.state?.terminated;
  if (terminated !== undefined) {
    const termination = terminationOf(terminated);
    return { ...record, state: { phase: "terminated", termination }, last: termination };
  }
  const running = status.state?.running;
  const last = running === undefined ? status.lastState?.terminated : undefined;
  if (last !== undefined) return { ...record, last: terminationOf(last) };
  if (running === undefined) return record;
  const message = "The container was stopped together with the local cluster.";
  const unseen: Termination = {
    id: idOf(status.containerID),
    exitCode: UNSEEN_EXIT_CODE,
    reason: "Unknown",
    message,
    startedAt: running.startedAt ?? now,
    finishedAt: now,
  };
  // What may run only once has had its run.
  if (!mayRestart(unseen, policy))
    return { ...record, state: { phase: "terminated", termination: unseen }, last: unseen };
  return { ...record, last: unseen };
}

/** The record of a container that an earlier agent has started; undefined where its end is in the status already. */
export function recordOfHeld(
  status: ContainerStatus | undefined,
  run: HeldRun | undefined,
): ContainerRecord | undefined {
  if (run === undefined) return undefined;
  const { id, restartCount, startedAt, startedMs, plan } = run;
  const last = lastEndOf(status);
  if (idOf(last?.containerID) === id) return undefined;
  return {
    ...newContainerRecord(plan.container.name),
    restartCount,
    imageId: plan.imageId,
    ...(last !== undefined && { last: terminationOf(last) }),
    state: { phase: "running", id, startedAt, startedMs, ...foundOut(status, id) },
  };
}

function lastEndOf(status: ContainerStatus | undefined): TerminatedState | undefined {
  return status?.state?.terminated ?? status?.lastState?.terminated;
}

/** What probes have said of a run, where the status speaks of this one at all. */
function foundOut(status: ContainerStatus | undefined, id: string): { isStarted: boolean; isReady: boolean } {
  if (status?.state?.running === undefined || idOf(status.containerID) !== id)
    return { isStarted: false, isReady: false };
  return { isStarted: status.started === true, isReady: status.ready };
}

type TerminatedState = NonNullable<NonNullable<ContainerStatus["state"]>["terminated"]>;

function terminationOf(state: TerminatedState): Termination {
  const { containerID, reason = "Error", startedAt = "", finishedAt = "", exitCode, signal, message } = state;
  return {
    id: idOf(containerID),
    exitCode,
    reason,
    startedAt,
    finishedAt,
    ...(signal !== undefined && { signal }),
    ...(message !== undefined && { message }),
  };
}

function idOf(containerId: string | undefined): string {
  return (containerId ?? "").replace(containerIdPrefix, "");
}

/** Pods that have come to their end: nothing is to be run for them any more. */
export function hasEnded(pod: Pod): boolean {
  return pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
}

/**
 * Takes back what the status still says of processes that died with the former life of the cluster, above all the address
 * and readiness, before anybody sends a request there.
 */
export async function retractStatus(pod: Pod, kube: KubeClient, now: string): Promise<void> {
  if (pod.status?.podIP === undefined || hasEnded(pod)) return;
  const conditions = (pod.status.conditions ?? []).map((condition) =>
    ["Ready", "ContainersReady", "PodReadyToStartContainers"].includes(condition.type)
      ? { ...condition, status: "False", reason: "ClusterRestarted", lastTransitionTime: now }
      : condition,
  );
  const containerStatuses = (pod.status.containerStatuses ?? []).map((status) => ({ ...status, ready: false }));
  const body = {
    metadata: { uid: pod.metadata.uid },
    status: { podIP: null, podIPs: null, conditions, containerStatuses },
  };
  const key = { namespace: pod.metadata.namespace ?? "", name: pod.metadata.name ?? "" };
  await kube.patch(Pod, key, { type: "merge", body }, { subresource: "status" });
}
