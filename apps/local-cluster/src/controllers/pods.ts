import type { Pod } from "@kelvin/kube";

/** Whether the pod still counts for its ReplicaSet: not finished and not on its way out. */
export function isPodActive(pod: Pod): boolean {
  return !isPodTerminal(pod) && pod.metadata.deletionTimestamp === undefined;
}

/** Whether all its containers have ended for good. */
export function isPodTerminal(pod: Pod): boolean {
  const phase = pod.status?.phase;
  return phase === "Succeeded" || phase === "Failed";
}

export function isPodReady(pod: Pod): boolean {
  return podCondition(pod, "Ready")?.status === "True";
}

export function podCondition(
  pod: Pod,
  type: string,
): { status: string; reason?: string; message?: string; lastTransitionTime?: string } | undefined {
  return pod.status?.conditions?.find((condition) => condition.type === type);
}

/** When the pod became ready, or 0 when it is not or does not say. */
export function podReadySinceMs(pod: Pod): number {
  const condition = podCondition(pod, "Ready");
  if (condition?.status !== "True" || condition.lastTransitionTime === undefined) return 0;
  return Date.parse(condition.lastTransitionTime);
}

/** How long until the pod has been ready for `minReadySeconds`: 0 when it has, undefined when it is not ready. */
export function podAvailableInMs(pod: Pod, minReadySeconds: number, nowMs: number): number | undefined {
  if (!isPodReady(pod)) return undefined;
  if (minReadySeconds === 0) return 0;
  const sinceMs = podReadySinceMs(pod);
  return sinceMs === 0 ? undefined : Math.max(0, sinceMs + minReadySeconds * 1000 - nowMs);
}
