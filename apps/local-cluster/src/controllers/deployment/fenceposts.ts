import type { Deployment } from "@kelvin/kube";

/** How far a rollout may stray from the wanted number of pods. */
export interface Fenceposts {
  readonly maxSurge: number;
  readonly maxUnavailable: number;
}

export function replicasOf(object: { spec?: { replicas?: number } }): number {
  return object.spec?.replicas ?? 1;
}

export function isRollingUpdate(deployment: Deployment): boolean {
  return (deployment.spec?.strategy?.type ?? "RollingUpdate") === "RollingUpdate";
}

/**
 * The Deployment's limits in pods: surge rounds up, unavailable rounds down, and when both come to nothing one pod may
 * be unavailable, for otherwise nothing could ever move.
 */
export function fencepostsOf(deployment: Deployment): Fenceposts {
  if (!isRollingUpdate(deployment)) return { maxSurge: 0, maxUnavailable: 0 };
  const replicas = replicasOf(deployment);
  const { maxSurge = "25%", maxUnavailable = "25%" } = deployment.spec?.strategy?.rollingUpdate ?? {};
  const surge = resolve(maxSurge, replicas, Math.ceil);
  const unavailable = resolve(maxUnavailable, replicas, Math.floor);
  const unavailableOrOne = surge === 0 && unavailable === 0 ? 1 : unavailable;
  return { maxSurge: surge, maxUnavailable: replicas === 0 ? 0 : Math.min(unavailableOrOne, replicas) };
}

function resolve(value: number | string, replicas: number, round: (pods: number) => number): number {
  if (typeof value === "number") return value;
  const percent = /^(\d+)%$/.exec(value)?.[1];
  if (percent === undefined) throw new TypeError(`"${value}" is neither a number nor a percentage`);
  // Multiply before dividing: 100 * 0.07 would be 7.000000000000001 and round up to 8.
  return round((Number(percent) * replicas) / 100);
}
