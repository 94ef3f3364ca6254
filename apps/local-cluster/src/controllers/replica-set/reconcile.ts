import { type Clock, type KubeClient, labelSelectorMatcher, Pod, ReplicaSet, toError } from "@kelvin/kube";
import { type Outcome, requeueAfter, waitForEvent } from "@kelvin/controller";
import { claimChildren } from "../claim.ts";
import { findCondition } from "../conditions.ts";
import { isNamespaceTerminating } from "../namespace-terminating.ts";
import { isBeingDeleted } from "../ownership.ts";
import { isPodActive } from "../pods.ts";
import type { EventRecorder } from "@kelvin/controller";
import { createPod, deletePod } from "../pod-control.ts";
import { makeTemplatePod } from "../template-pod.ts";
import { retryDelayMs } from "../retry-delay.ts";
import { runSlowStart } from "../slow-start.ts";
import { makeReplicaSetStatus, type ReplicaFailure } from "./status.ts";
import type { UnseenWrites } from "../unseen-writes.ts";
import { decideVictims } from "./victims.ts";

/** Pods that one pass creates or deletes at most; the rest follows in the next. */
const burstPodsMax = 500;

export interface ReplicaSetDeps {
  readonly kube: KubeClient;
  readonly clock: Pick<Clock, "now">;
  readonly recorder: EventRecorder;
  readonly random: () => number;
  readonly unseen: UnseenWrites;
  /** Those of the ReplicaSet and the orphans of its namespace. */
  readonly candidatePods: (replicaSet: ReplicaSet) => readonly Pod[];
  /** How many active pods of the ReplicaSet's Deployment run on each node. */
  readonly siblingCounts: (replicaSet: ReplicaSet) => ReadonlyMap<string, number>;
}

/**
 * Keeps as many active pods as the ReplicaSet asks for: creates and deletes exactly the difference, counting what it
 * wrote itself but has not seen come back. Correct on a stale copy of the pods and after a crash at any line.
 */
export async function reconcileReplicaSet(replicaSet: ReplicaSet, deps: ReplicaSetDeps): Promise<Outcome> {
  const matches = labelSelectorMatcher(replicaSet.spec?.selector);
  const claim = { ownerKind: ReplicaSet, owner: replicaSet, childKind: Pod, matches };
  const claimed = await claimChildren(deps.kube, claim, deps.candidatePods(replicaSet));
  const uid = replicaSet.metadata.uid ?? "";
  const active = claimed.filter((pod) => isPodActive(pod) && !deps.unseen.isDeleted(uid, pod.metadata.uid ?? ""));

  const failure = isBeingDeleted(replicaSet) ? undefined : await ensureReplicas(replicaSet, active, deps);
  const now = deps.clock.now();
  const { status, availableInMs } = makeReplicaSetStatus(replicaSet, active, { failure, now });
  replicaSet.status = status;
  if (failure !== undefined) {
    return requeueAfter(retryDelayMs(findCondition(status.conditions, "ReplicaFailure"), now));
  }
  const waitsMs = [availableInMs, deps.unseen.expiresInMs(uid)].filter((waitMs) => waitMs !== undefined);
  return waitsMs.length === 0 ? waitForEvent : requeueAfter(Math.min(...waitsMs));
}

async function ensureReplicas(
  replicaSet: ReplicaSet,
  active: readonly Pod[],
  deps: ReplicaSetDeps,
): Promise<ReplicaFailure | undefined> {
  const wanted = replicaSet.spec?.replicas ?? 1;
  const existing = active.length + deps.unseen.countCreated(replicaSet.metadata.uid ?? "");
  if (existing < wanted) return createPods(replicaSet, Math.min(wanted - existing, burstPodsMax), deps);
  // What was created but not yet seen cannot be ranked, so it is left for the pass that its event brings.
  const surplus = Math.min(existing - wanted, active.length, burstPodsMax);
  return surplus === 0 ? undefined : deletePods(replicaSet, { active, surplus }, deps);
}

async function createPods(
  replicaSet: ReplicaSet,
  count: number,
  deps: ReplicaSetDeps,
): Promise<ReplicaFailure | undefined> {
  const result = await runSlowStart(count, () => createPod(replicaSet, newPod(replicaSet, deps), deps));
  if (result.error === undefined || isNamespaceTerminating(result.error)) return undefined;
  return { reason: "FailedCreate", message: toError(result.error).message };
}

function newPod(replicaSet: ReplicaSet, { random }: ReplicaSetDeps): Pod {
  const template = replicaSet.spec?.template;
  return makeTemplatePod(
    { ownerKind: ReplicaSet, owner: replicaSet, template },
    `${replicaSet.metadata.name ?? ""}-`,
    random,
  );
}

async function deletePods(
  replicaSet: ReplicaSet,
  { active, surplus }: { active: readonly Pod[]; surplus: number },
  deps: ReplicaSetDeps,
): Promise<ReplicaFailure | undefined> {
  const counts = deps.siblingCounts(replicaSet);
  const victims = decideVictims(active, surplus, {
    nowMs: deps.clock.now().getTime(),
    podCountOn: (nodeName) => counts.get(nodeName) ?? 0,
  });
  const results = await Promise.allSettled(victims.map((pod) => deletePod(replicaSet, pod, deps)));
  const failed = results.find((result) => result.status === "rejected");
  return failed && { reason: "FailedDelete", message: toError(failed.reason).message };
}
