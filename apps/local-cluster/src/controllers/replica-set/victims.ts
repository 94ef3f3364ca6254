import type { Pod } from "@kelvin/kube";
import { isPodReady, podReadySinceMs } from "../pods.ts";

const deletionCostAnnotation = "controller.kubernetes.io/pod-deletion-cost";

/** What the ranking knows beyond the pods themselves. */
export interface VictimContext {
  readonly nowMs: number;
  /** How many active pods of the same Deployment run on this node. */
  readonly podCountOn: (nodeName: string) => number;
}

/**
 * The `count` pods to delete first. The order is that of Kubernetes: unassigned, pending, not ready, cheaper by
 * annotation, on a node with more siblings, ready for a shorter time, restarted more often, younger.
 */
export function decideVictims(pods: readonly Pod[], count: number, context: VictimContext): Pod[] {
  return pods.toSorted((a, b) => compareVictims(a, b, context)).slice(0, count);
}

function compareVictims(a: Pod, b: Pod, context: VictimContext): number {
  return (
    Number(isAssigned(a)) - Number(isAssigned(b)) ||
    phaseRank(a) - phaseRank(b) ||
    Number(isPodReady(a)) - Number(isPodReady(b)) ||
    deletionCost(a) - deletionCost(b) ||
    context.podCountOn(b.spec?.nodeName ?? "") - context.podCountOn(a.spec?.nodeName ?? "") ||
    compareReadyTime(a, b, context.nowMs) ||
    restartCount(b) - restartCount(a) ||
    compareAge(a, b, { sinceMs: createdMs, nowMs: context.nowMs })
  );
}

function isAssigned(pod: Pod): boolean {
  return (pod.spec?.nodeName ?? "") !== "";
}

function phaseRank(pod: Pod): number {
  const phase = pod.status?.phase ?? "Pending";
  if (phase === "Pending") return 0;
  return phase === "Unknown" ? 1 : 2;
}

/** What is not a 32-bit integer in canonical form counts as no cost, as upstream. */
function deletionCost(pod: Pod): number {
  const text = pod.metadata.annotations?.[deletionCostAnnotation] ?? "0";
  if (!/^(?:0|-?[1-9]\d{0,9})$/.test(text)) return 0;
  const cost = Number(text);
  return cost === Math.trunc(cost) && Math.abs(cost) < 2 ** 31 ? cost : 0;
}

function compareReadyTime(a: Pod, b: Pod, nowMs: number): number {
  if (!isPodReady(a) || !isPodReady(b)) return 0;
  return compareAge(a, b, { sinceMs: podReadySinceMs, nowMs });
}

/**
 * Younger first, in steps that double: within a step the uid decides, which makes the choice random between pods of
 * about the same age, so that not all pods of one rollout go before any of the other.
 */
function compareAge(a: Pod, b: Pod, age: { sinceMs: (pod: Pod) => number; nowMs: number }): number {
  const sinceA = age.sinceMs(a);
  const sinceB = age.sinceMs(b);
  if (sinceA === sinceB) return 0;
  if (sinceA === 0 || sinceB === 0) return sinceA === 0 ? -1 : 1;
  const difference = ageRank(age.nowMs - sinceA) - ageRank(age.nowMs - sinceB);
  if (difference !== 0) return difference;
  return (a.metadata.uid ?? "") < (b.metadata.uid ?? "") ? -1 : 1;
}

function ageRank(ageMs: number): number {
  // Nanoseconds, as in Go's durations: the steps lie at the same ages.
  return ageMs > 0 ? Math.trunc(Math.log2(ageMs * 1e6)) : -1;
}

function createdMs(pod: Pod): number {
  const { creationTimestamp } = pod.metadata;
  return creationTimestamp === undefined ? 0 : Date.parse(creationTimestamp);
}

function restartCount(pod: Pod): number {
  return Math.max(0, ...(pod.status?.containerStatuses ?? []).map((container) => container.restartCount));
}
