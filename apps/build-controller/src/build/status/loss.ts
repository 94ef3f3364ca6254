import { buildReasons } from "@kelvin/api/build/v1alpha1";
import type { Pod } from "@kelvin/kube";
import { containerStatuses } from "./container-statuses.ts";

/** Why a Pod was lost through no fault of its steps. */
export interface Loss {
  readonly reason: string;
  readonly message: string;
}

/** Reasons of a failed Pod that are its node's, and not its containers'. */
const lossReasons = new Set([
  "Evicted",
  "NodeLost",
  "NodeShutdown",
  "NodeAffinity",
  "Preempted",
  "Preempting",
  "Shutdown",
  "Terminated",
  "UnexpectedAdmissionError",
  "OutOfcpu",
  "OutOfmemory",
  "OutOfpods",
]);

/** Reasons of a container whose end nobody saw: the kubelet's, and the runtime's after the node was started again. */
const unseenReasons = new Set(["ContainerStatusUnknown", "Unknown"]);

/** Why a failed Pod was lost, or undefined when its containers are to blame. */
export function findLoss(pod: Pod): Loss | undefined {
  if (pod.status?.phase !== "Failed") return undefined;
  const { name = "" } = pod.metadata;
  if (wasDeletedWhileRunning(pod)) {
    return { reason: buildReasons.podLost, message: `Pod "${name}" was deleted while it ran` };
  }
  const why = disruptionOf(pod);
  return why === undefined
    ? undefined
    : { reason: buildReasons.podEvicted, message: `Pod "${name}" was taken from its node: ${why}` };
}

/** What took the Pod from its node, in words. */
function disruptionOf(pod: Pod): string | undefined {
  const { reason = "", message = "", conditions = [] } = pod.status ?? {};
  const disruption = conditions.find(({ type, status }) => type === "DisruptionTarget" && status === "True");
  const unseen = unseenEndOf(pod);
  if (!lossReasons.has(reason) && disruption === undefined && unseen === undefined) return undefined;
  const causes = [message, disruption?.message ?? "", unseen ?? "", reason, "another Pod needed the room"];
  return causes.find((cause) => cause !== "");
}

/** What is said of a container whose end nobody saw; undefined where all were seen. */
function unseenEndOf(pod: Pod): string | undefined {
  const ends = containerStatuses(pod).flatMap(({ state }) => state?.terminated ?? []);
  const unseen = ends.find(({ reason = "" }) => unseenReasons.has(reason));
  return unseen === undefined ? undefined : unseen.message || "its node lost sight of its containers";
}

/** Whether a container was ended by the deletion of its Pod, rather than by itself before that. */
function wasDeletedWhileRunning(pod: Pod): boolean {
  const { metadata } = pod;
  if (metadata.deletionTimestamp === undefined) return false;
  const askedMs = Date.parse(metadata.deletionTimestamp) - (metadata.deletionGracePeriodSeconds ?? 0) * 1000;
  const failed = containerStatuses(pod).find(({ state }) => (state?.terminated?.exitCode ?? 0) !== 0);
  return Date.parse(failed?.state?.terminated?.finishedAt ?? metadata.deletionTimestamp) >= askedMs;
}
