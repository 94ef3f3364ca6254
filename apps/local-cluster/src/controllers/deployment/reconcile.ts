import {
  AlreadyExistsError,
  type Clock,
  Deployment,
  isSemanticallyEqual,
  keyOf,
  type KubeClient,
  labelSelectorMatcher,
  ReplicaSet,
  toError,
} from "@kelvin/kube";
import { type Outcome, requeueAfter, waitForEvent } from "@kelvin/controller";
import { claimChildren } from "../claim.ts";
import { findCondition } from "../conditions.ts";
import { isNamespaceTerminating } from "../namespace-terminating.ts";
import type { EventRecorder } from "@kelvin/controller";
import { retryDelayMs } from "../retry-delay.ts";
import { isBeingDeleted, isControlledBy } from "../ownership.ts";
import {
  copiedAnnotations,
  revisionAnnotation,
  revisionAnnotations,
  revisionOf,
  sizeAnnotations,
} from "./annotations.ts";
import { replicasOf } from "./fenceposts.ts";
import { hasTemplateOf, makeReplicaSet, splitGenerations } from "./replica-set.ts";
import { decideExpired, decideRollout, type Generations, type Scale } from "./rollout.ts";
import { countReplicas, deadlineCheckInMs, isComplete, makeDeploymentStatus, type RolloutNews } from "./status.ts";

export interface DeploymentDeps {
  readonly kube: KubeClient;
  readonly clock: Pick<Clock, "now">;
  readonly recorder: EventRecorder;
  /** Those of the Deployment and the orphans of its namespace. */
  readonly candidateReplicaSets: (deployment: Deployment) => readonly ReplicaSet[];
  /** Whether pods of this ReplicaSet run or still terminate. */
  readonly hasRunningPods: (replicaSet: ReplicaSet) => boolean;
}

/**
 * Drives one Deployment towards its template and size: one ReplicaSet per template, scaled step by step.
 * Level-based: each pass looks at all ReplicaSets, takes at most one step, and is woken by the change it made.
 * A pass on stale copies is stopped by the resource version of whatever it writes.
 */
export async function reconcileDeployment(deployment: Deployment, deps: DeploymentDeps): Promise<Outcome> {
  const matches = labelSelectorMatcher(deployment.spec?.selector);
  if (isSemanticallyEqual(deployment.spec?.selector, {})) {
    deps.recorder.warning(
      deployment,
      "SelectingAll",
      "This deployment is selecting all pods. A non-empty selector is required.",
    );
    return waitForEvent;
  }
  const claim = { ownerKind: Deployment, owner: deployment, childKind: ReplicaSet, matches };
  const replicaSets = await claimChildren(deps.kube, claim, deps.candidateReplicaSets(deployment));
  let generations = splitGenerations(deployment, replicaSets);
  let news: RolloutNews = {};
  if (!isBeingDeleted(deployment)) {
    generations = await ensureCurrentIsNoted(deployment, generations, deps);
    ({ generations, news } = await takeStep(deployment, generations, deps));
    if (isComplete(deployment, countReplicas(generations)) || deployment.spec?.paused === true) {
      await deleteExpired(deployment, generations, deps);
    }
  }
  const now = deps.clock.now();
  const status = makeDeploymentStatus(deployment, generations, { news, now });
  deployment.status = status;
  if (news.createError !== undefined) {
    return requeueAfter(retryDelayMs(findCondition(status.conditions, "Progressing"), now));
  }
  const checkInMs = deadlineCheckInMs(deployment, status, now);
  return checkInMs === undefined ? waitForEvent : requeueAfter(checkInMs);
}

/** Gives the current ReplicaSet the highest revision and the Deployment's annotations, and the Deployment its revision. */
async function ensureCurrentIsNoted(
  deployment: Deployment,
  generations: Generations,
  deps: DeploymentDeps,
): Promise<Generations> {
  const { current, old } = generations;
  if (current === undefined) return generations;
  const revision = Math.max(nextRevision(old), revisionOf(current));
  const annotations = {
    ...current.metadata.annotations,
    ...copiedAnnotations(deployment),
    ...revisionAnnotations(current, revision),
  };
  const minReadySeconds = deployment.spec?.minReadySeconds ?? 0;
  const isNoted =
    isSemanticallyEqual(annotations, current.metadata.annotations) &&
    (current.spec?.minReadySeconds ?? 0) === minReadySeconds;
  const noted = isNoted
    ? current
    : await deps.kube.update(ReplicaSet, {
        ...current,
        metadata: { ...current.metadata, annotations },
        ...(current.spec !== undefined && { spec: { ...current.spec, minReadySeconds } }),
      });
  await ensureRevisionNoted(deployment, revision, deps);
  return { current: noted, old };
}

async function ensureRevisionNoted(deployment: Deployment, revision: number, { kube }: DeploymentDeps): Promise<void> {
  if (revisionOf(deployment) === revision) return;
  const { uid, resourceVersion } = deployment.metadata;
  const body = { metadata: { uid, resourceVersion, annotations: { [revisionAnnotation]: String(revision) } } };
  const written = await kube.patch(Deployment, keyOf(deployment), { type: "merge", body });
  // The status is written onto this version at the end of the pass.
  deployment.metadata = written.metadata;
}

function nextRevision(old: readonly ReplicaSet[]): number {
  return Math.max(0, ...old.map(revisionOf)) + 1;
}

async function takeStep(
  deployment: Deployment,
  generations: Generations,
  deps: DeploymentDeps,
): Promise<{ generations: Generations; news: RolloutNews }> {
  const step = decideRollout(deployment, generations, generations.old.some(deps.hasRunningPods));
  if (step.createWithReplicas !== undefined) {
    return ensureCurrent(deployment, { ...generations, replicas: step.createWithReplicas }, deps);
  }
  const scaled = new Map<ReplicaSet, ReplicaSet>();
  for (const scale of step.scales) scaled.set(scale.replicaSet, await applyScale(deployment, scale, deps));
  const latest = (replicaSet: ReplicaSet): ReplicaSet => scaled.get(replicaSet) ?? replicaSet;
  const { current, old } = generations;
  return { generations: { current: current && latest(current), old: old.map(latest) }, news: {} };
}

/** Creates the ReplicaSet of the present template. One of the same name that is ours and equal is the same creation, seen late. */
async function ensureCurrent(
  deployment: Deployment,
  { old, replicas }: Generations & { replicas: number },
  deps: DeploymentDeps,
): Promise<{ generations: Generations; news: RolloutNews }> {
  const desired = makeReplicaSet(deployment, { replicas, revision: nextRevision(old) });
  const name = desired.metadata.name ?? "";
  try {
    const current = await deps.kube.create(ReplicaSet, desired);
    deps.recorder.normal(deployment, "ScalingReplicaSet", `Scaled up replica set ${name} from 0 to ${replicas}`);
    await ensureRevisionNoted(deployment, revisionOf(current), deps);
    return { generations: { current, old }, news: { createdReplicaSet: name } };
  } catch (error) {
    if (error instanceof AlreadyExistsError) {
      const existing = await deps.kube.find(ReplicaSet, keyOf(desired));
      if (existing === undefined || (isControlledBy(existing, deployment) && hasTemplateOf(existing, deployment))) {
        return { generations: { current: existing, old }, news: {} };
      }
      // Another template hashed to the same name: the count becomes part of the next hash.
      deployment.status = { ...deployment.status, collisionCount: (deployment.status?.collisionCount ?? 0) + 1 };
      return { generations: { current: undefined, old }, news: { createError: toError(error).message } };
    }
    if (isNamespaceTerminating(error)) return { generations: { current: undefined, old }, news: {} };
    const message = toError(error).message;
    deps.recorder.warning(
      deployment,
      "ReplicaSetCreateError",
      `Failed to create new replica set "${name}": ${message}`,
    );
    return { generations: { current: undefined, old }, news: { createError: message } };
  }
}

async function applyScale(
  deployment: Deployment,
  { replicaSet, replicas }: Scale,
  deps: DeploymentDeps,
): Promise<ReplicaSet> {
  const before = replicasOf(replicaSet);
  const annotations = { ...replicaSet.metadata.annotations, ...sizeAnnotations(deployment) };
  if (replicaSet.spec === undefined) return replicaSet;
  if (before === replicas && isSemanticallyEqual(annotations, replicaSet.metadata.annotations)) return replicaSet;
  const updated = await deps.kube.update(ReplicaSet, {
    ...replicaSet,
    metadata: { ...replicaSet.metadata, annotations },
    spec: { ...replicaSet.spec, replicas },
  });
  if (before !== replicas) {
    const direction = replicas > before ? "up" : "down";
    const name = replicaSet.metadata.name ?? "";
    deps.recorder.normal(
      deployment,
      "ScalingReplicaSet",
      `Scaled ${direction} replica set ${name} from ${before} to ${replicas}`,
    );
  }
  return updated;
}

async function deleteExpired(deployment: Deployment, { old }: Generations, { kube }: DeploymentDeps): Promise<void> {
  for (const replicaSet of decideExpired(deployment, old)) {
    const { uid, resourceVersion } = replicaSet.metadata;
    const preconditions = {
      ...(uid !== undefined && { uid }),
      ...(resourceVersion !== undefined && { resourceVersion }),
    };
    await kube.delete(ReplicaSet, keyOf(replicaSet), { preconditions });
  }
}
