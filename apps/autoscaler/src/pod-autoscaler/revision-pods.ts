import type { Pod } from "@kelvin/kube";
import type { RevisionLoad } from "../reports/report-ledger.ts";

/** Label that names a pod's revision. */
export const revisionLabel = "serving.knative.dev/revision";

/** Keeps what the autoscaler needs of a pod and drops the rest on receipt. */
export function trimPod({ metadata, status }: Pod): Pod {
  const { annotations: _annotations, ownerReferences: _owners, labels, ...kept } = metadata;
  return {
    metadata: { ...kept, labels: { [revisionLabel]: labels?.[revisionLabel] ?? "" } },
    status: {
      ...(status?.phase === undefined ? {} : { phase: status.phase }),
      conditions: status?.conditions?.filter((condition) => condition.type === "Ready") ?? [],
    },
  };
}

/** The hint that the ReplicaSet controller follows when it picks a pod to delete. */
export const deletionCostAnnotation = "controller.kubernetes.io/pod-deletion-cost";

/** A pod that serves: Ready for kubelet, or already sent to by every activator that reports; not on its way out. */
export function isServing(pod: Pod, load: Pick<RevisionLoad, "openPods">): boolean {
  if (pod.metadata.deletionTimestamp !== undefined || pod.status?.phase !== "Running") return false;
  return isReady(pod) || load.openPods.has(pod.metadata.name ?? "");
}

/**
 * The pods to give up first: those that serve nothing yet, then those with the least in flight. Pods on their way out are not counted.
 */
export function pickVictims(pods: readonly Pod[], count: number, load: RevisionLoad): string[] {
  const inFlight = (pod: Pod): number => load.pods.get(pod.metadata.name ?? "") ?? 0;
  return pods
    .filter((pod) => pod.metadata.deletionTimestamp === undefined)
    .toSorted(
      (left, right) =>
        Number(isServing(left, load)) - Number(isServing(right, load)) ||
        inFlight(left) - inFlight(right) ||
        (left.metadata.name ?? "").localeCompare(right.metadata.name ?? ""),
    )
    .slice(0, count)
    .flatMap((pod) => pod.metadata.name ?? []);
}

function isReady(pod: Pod): boolean {
  return (
    pod.status?.conditions?.some((condition) => condition.type === "Ready" && condition.status === "True") === true
  );
}
