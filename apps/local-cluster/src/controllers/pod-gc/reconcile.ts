import { keyOf, type KubeClient, type ObjectKey, Pod, Node } from "@kelvin/kube";
import { type Outcome, requeueAfter, waitForEvent } from "@kelvin/controller";
import { markDisrupted } from "../disruption.ts";
import { isBeingDeleted } from "../ownership.ts";
import { isPodTerminal } from "../pods.ts";

/** Finished pods that are kept for their logs; beyond it the oldest go. */
export const terminatedPodsMax = 500;
/** A node that has gone is waited for so long: its agent may be starting anew. */
export const lostNodeGraceMs = 40_000;

export interface PodGcDeps {
  readonly kube: KubeClient;
  readonly clock: { now(): Date; monotonicMs(): number };
  readonly node: (key: ObjectKey) => Node | undefined;
  readonly terminatedPods: () => readonly Pod[];
  /** When each lost node was first missed, on the monotonic clock. */
  readonly missingSinceMs: Map<string, number>;
}

/** Removes pods that nobody else will: those of a node that is gone, and finished ones beyond what is kept. */
export async function reconcilePodGc(pod: Pod, deps: PodGcDeps): Promise<Outcome> {
  const nodeName = pod.spec?.nodeName ?? "";
  if (nodeName !== "") {
    const waitMs = await lostNodeWaitMs(nodeName, deps);
    if (waitMs === 0) await removeLost(pod, deps);
    if (waitMs !== undefined) return waitMs === 0 ? waitForEvent : requeueAfter(waitMs);
  }
  if (isPodTerminal(pod)) await removeBeyondLimit(deps);
  return waitForEvent;
}

/** 0 when the node has been gone for long enough, undefined while it exists. */
async function lostNodeWaitMs(nodeName: string, deps: PodGcDeps): Promise<number | undefined> {
  const { missingSinceMs, clock } = deps;
  if (deps.node({ name: nodeName }) !== undefined) {
    missingSinceMs.delete(nodeName);
    return undefined;
  }
  const sinceMs = missingSinceMs.get(nodeName) ?? clock.monotonicMs();
  missingSinceMs.set(nodeName, sinceMs);
  const waitMs = Math.max(0, sinceMs + lostNodeGraceMs - clock.monotonicMs());
  if (waitMs > 0) return waitMs;
  // Before anything is removed for good the server itself is asked.
  return (await deps.kube.find(Node, { name: nodeName })) === undefined ? 0 : undefined;
}

/** First it is said to have failed: whoever holds it by a finalizer, as a Job does, would wait for its end for ever. */
async function removeLost(pod: Pod, deps: PodGcDeps): Promise<void> {
  const message = "PodGC: node no longer exists";
  await markDisrupted(pod, { reason: "DeletionByPodGC", message, isOver: true }, deps);
  await remove(pod, deps);
}

async function removeBeyondLimit(deps: PodGcDeps): Promise<void> {
  const finished = deps.terminatedPods().filter((pod) => !isBeingDeleted(pod));
  const surplus = finished.length - terminatedPodsMax;
  if (surplus <= 0) return;
  const oldest = finished.toSorted((a, b) => (createdAt(a) < createdAt(b) ? -1 : 1)).slice(0, surplus);
  await Promise.all(oldest.map((pod) => remove(pod, deps)));
}

function createdAt(pod: Pod): string {
  return pod.metadata.creationTimestamp ?? "";
}

async function remove(pod: Pod, { kube }: PodGcDeps): Promise<void> {
  const { uid } = pod.metadata;
  await kube.delete(Pod, keyOf(pod), { gracePeriodSeconds: 0, ...(uid !== undefined && { preconditions: { uid } }) });
}
