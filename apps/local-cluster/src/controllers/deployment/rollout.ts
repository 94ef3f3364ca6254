import type { Deployment, ReplicaSet } from "@kelvin/kube";
import { isBeingDeleted } from "../ownership.ts";
import { desiredReplicasNoted, maxReplicasNoted, revisionOf } from "./annotations.ts";
import { fencepostsOf, isRollingUpdate, replicasOf } from "./fenceposts.ts";

/** The ReplicaSets of a Deployment: the one of its present template, and all others, oldest first. */
export interface Generations {
  readonly current: ReplicaSet | undefined;
  readonly old: readonly ReplicaSet[];
}

/** What a rollout does next. At most one kind of move at a time: each waits for the status that the last one brings. */
export interface RolloutStep {
  /** Create the ReplicaSet of the present template, of this size. */
  readonly createWithReplicas?: number;
  readonly scales: readonly Scale[];
}

export interface Scale {
  readonly replicaSet: ReplicaSet;
  readonly replicas: number;
}

const nothing: RolloutStep = { scales: [] };

/**
 * The next step towards the Deployment's template and size. `oldPodsRun` is asked by Recreate only: whether pods of
 * old ReplicaSets still run or terminate.
 */
export function decideRollout(deployment: Deployment, generations: Generations, oldPodsRun: boolean): RolloutStep {
  if (isBeingDeleted(deployment)) return nothing;
  if (deployment.spec?.paused === true || isResized(deployment, generations)) {
    return { scales: decideResize(deployment, generations) };
  }
  return isRollingUpdate(deployment)
    ? decideRollingStep(deployment, generations)
    : decideRecreateStep(deployment, generations, oldPodsRun);
}

function decideRollingStep(deployment: Deployment, { current, old }: Generations): RolloutStep {
  if (current === undefined) {
    return { createWithReplicas: rollingReplicas(deployment, 0, sum(old, replicasOf)), scales: [] };
  }
  const replicas = rollingReplicas(deployment, replicasOf(current), sum([current, ...old], replicasOf));
  if (replicas !== replicasOf(current)) return { scales: [{ replicaSet: current, replicas }] };
  return { scales: decideOldReplicas(deployment, current, old) };
}

/** The size of the current ReplicaSet: as large as the surge leaves room for. */
function rollingReplicas(deployment: Deployment, currentReplicas: number, totalReplicas: number): number {
  const wanted = replicasOf(deployment);
  if (currentReplicas >= wanted) return wanted;
  const room = wanted + fencepostsOf(deployment).maxSurge - totalReplicas;
  return currentReplicas + Math.max(0, Math.min(room, wanted - currentReplicas));
}

/** Takes pods from old ReplicaSets: those that are not available first, then as many as are available beyond the minimum. */
function decideOldReplicas(deployment: Deployment, current: ReplicaSet, old: readonly ReplicaSet[]): Scale[] {
  const all = [current, ...old];
  const minAvailable = replicasOf(deployment) - fencepostsOf(deployment).maxUnavailable;
  const currentUnavailable = replicasOf(current) - availableOf(current);
  const removableMax = sum(all, replicasOf) - minAvailable - currentUnavailable;
  if (removableMax <= 0 || sum(old, replicasOf) === 0) return [];

  const sizes = new Map(old.map((replicaSet) => [replicaSet, replicasOf(replicaSet)]));
  takeFrom(sizes, removableMax, (replicaSet, size) => Math.max(0, size - availableOf(replicaSet)));
  takeFrom(sizes, sum(all, availableOf) - minAvailable, (_, size) => size);
  return changed(sizes);
}

function takeFrom(
  sizes: Map<ReplicaSet, number>,
  countMax: number,
  takableOf: (replicaSet: ReplicaSet, size: number) => number,
): void {
  let left = countMax;
  for (const [replicaSet, size] of sizes) {
    const taken = Math.max(0, Math.min(left, takableOf(replicaSet, size)));
    sizes.set(replicaSet, size - taken);
    left -= taken;
  }
}

function decideRecreateStep(deployment: Deployment, { current, old }: Generations, oldPodsRun: boolean): RolloutStep {
  const running = old.filter((replicaSet) => replicasOf(replicaSet) > 0);
  if (running.length > 0) return { scales: running.map((replicaSet) => ({ replicaSet, replicas: 0 })) };
  if (oldPodsRun) return nothing;
  const replicas = replicasOf(deployment);
  if (current === undefined) return { createWithReplicas: replicas, scales: [] };
  return { scales: replicasOf(current) === replicas ? [] : [{ replicaSet: current, replicas }] };
}

/** Whether the size changed since the active ReplicaSets were last scaled: then all are scaled, in the proportion they have. */
function isResized(deployment: Deployment, generations: Generations): boolean {
  return activeOf(generations).some((replicaSet) => {
    const noted = desiredReplicasNoted(replicaSet);
    return noted !== undefined && noted !== replicasOf(deployment);
  });
}

function decideResize(deployment: Deployment, generations: Generations): Scale[] {
  const wanted = replicasOf(deployment);
  const active = activeOf(generations);
  const only = active.length > 1 ? undefined : (active[0] ?? generations.current ?? generations.old.at(-1));
  if (only !== undefined) return [{ replicaSet: only, replicas: wanted }];
  if (isSaturated(deployment, generations.current)) {
    return generations.old.filter(isActive).map((replicaSet) => ({ replicaSet, replicas: 0 }));
  }
  return isRollingUpdate(deployment) ? decideProportions(deployment, active) : [];
}

function isSaturated(deployment: Deployment, current: ReplicaSet | undefined): boolean {
  const wanted = replicasOf(deployment);
  if (current === undefined || desiredReplicasNoted(current) !== wanted) return false;
  return replicasOf(current) === wanted && availableOf(current) === wanted;
}

/** Shares what was added or taken among the active ReplicaSets by their size; what rounding leaves goes to the first. */
function decideProportions(deployment: Deployment, active: readonly ReplicaSet[]): Scale[] {
  const wanted = replicasOf(deployment);
  const { maxSurge } = fencepostsOf(deployment);
  const toAdd = (wanted === 0 ? 0 : wanted + maxSurge) - sum(active, replicasOf);
  const bySize = active.toSorted((a, b) => replicasOf(b) - replicasOf(a) || (toAdd > 0 ? byAge(b, a) : byAge(a, b)));
  const scales: Scale[] = [];
  let added = 0;
  for (const replicaSet of bySize) {
    const size = replicasOf(replicaSet);
    const before = maxReplicasNoted(replicaSet) ?? deployment.status?.replicas ?? size;
    const share = wanted === 0 ? -size : Math.round((size * (wanted + maxSurge)) / Math.max(1, before)) - size;
    const part = toAdd > 0 ? Math.max(0, Math.min(share, toAdd - added)) : Math.min(0, Math.max(share, toAdd - added));
    added += part;
    scales.push({ replicaSet, replicas: size + part });
  }
  return scales.map((scale, index) =>
    index === 0 ? { ...scale, replicas: Math.max(0, scale.replicas + toAdd - added) } : scale,
  );
}

/** The old ReplicaSets beyond the history that is kept, oldest revision first; never one that still has pods. */
export function decideExpired(deployment: Deployment, old: readonly ReplicaSet[]): ReplicaSet[] {
  const kept = deployment.spec?.revisionHistoryLimit ?? 10;
  const alive = old.filter((replicaSet) => !isBeingDeleted(replicaSet));
  return alive
    .toSorted((a, b) => revisionOf(a) - revisionOf(b) || byAge(a, b))
    .slice(0, Math.max(0, alive.length - kept))
    .filter(
      (replicaSet) =>
        replicasOf(replicaSet) === 0 && (replicaSet.status?.replicas ?? 0) === 0 && isObserved(replicaSet),
    );
}

function isObserved({ metadata, status }: ReplicaSet): boolean {
  return (metadata.generation ?? 0) <= (status?.observedGeneration ?? 0);
}

export function byAge(a: ReplicaSet, b: ReplicaSet): number {
  return (
    compareText(a.metadata.creationTimestamp ?? "", b.metadata.creationTimestamp ?? "") ||
    compareText(a.metadata.name ?? "", b.metadata.name ?? "")
  );
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function activeOf({ current, old }: Generations): ReplicaSet[] {
  return [...old, ...(current === undefined ? [] : [current])].filter(isActive);
}

function isActive(replicaSet: ReplicaSet): boolean {
  return replicasOf(replicaSet) > 0;
}

function availableOf(replicaSet: ReplicaSet): number {
  return replicaSet.status?.availableReplicas ?? 0;
}

function changed(sizes: ReadonlyMap<ReplicaSet, number>): Scale[] {
  return [...sizes]
    .filter(([replicaSet, replicas]) => replicas !== replicasOf(replicaSet))
    .map(([replicaSet, replicas]) => ({ replicaSet, replicas }));
}

export function sum(replicaSets: readonly ReplicaSet[], measure: (replicaSet: ReplicaSet) => number): number {
  return replicaSets.reduce((total, replicaSet) => total + measure(replicaSet), 0);
}
