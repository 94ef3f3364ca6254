import type { Job, Pod } from "@kelvin/kube";
import { isPodReady } from "../pods.ts";
import { firstFreeIndexes } from "./completed-indexes.ts";
import { indexOf, isIndexed } from "./job-pod.ts";
import { retryInMs } from "./pod-backoff.ts";
import { type Tally, waitsForEnd } from "./tally.ts";

/** Pods that one pass creates or deletes at most. */
const burstPodsMax = 500;

/** What to do about a Job's pods now: create, or remove, never both at once. */
export interface PodPlan {
  /** One entry a pod: its index, or undefined when the Job has none. */
  readonly create: readonly (number | undefined)[];
  /** Surplus, which does not count as failed. */
  readonly remove: readonly Pod[];
  /** How long failed pods hold back the next; undefined when nothing waits. */
  readonly retryInMs: number | undefined;
}

/** How the Job gets as many active pods as it wants. */
export function decidePods(job: Job, pods: readonly Pod[], { tally, nowMs }: { tally: Tally; nowMs: number }): PodPlan {
  const wanted = wantedCount(job, tally);
  const surplus = surplusOf(job, tally, wanted).slice(0, burstPodsMax);
  if (surplus.length > 0) return { create: [], remove: surplus, retryInMs: undefined };
  const terminating = waitsForEnd(job) ? tally.terminatingCount : 0;
  const missing = Math.min(wanted - tally.active.length - terminating, burstPodsMax);
  if (missing <= 0) return { create: [], remove: [], retryInMs: undefined };
  const waitMs = retryInMs(job, pods, nowMs);
  if (waitMs > 0) return { create: [], remove: [], retryInMs: waitMs };
  return { create: newIndexes(job, pods, { tally, missing }), remove: [], retryInMs: undefined };
}

function wantedCount(job: Job, { active, succeeded }: Tally): number {
  const { suspend, completions, parallelism = 1 } = job.spec ?? {};
  if (suspend === true) return 0;
  // Without a number of completions the first success is the last: what runs may end, nothing new begins.
  if (completions === undefined) return succeeded > 0 ? active.length : parallelism;
  return Math.max(0, Math.min(completions - succeeded, parallelism));
}

function newIndexes(
  job: Job,
  pods: readonly Pod[],
  { tally, missing }: { tally: Tally; missing: number },
): (number | undefined)[] {
  if (!isIndexed(job)) return Array.from({ length: missing }, () => undefined);
  const waiting = waitsForEnd(job) ? pods : tally.active;
  const taken = new Set(waiting.filter((pod) => pod.status?.phase !== "Failed").map(indexOf));
  const isTaken = (index: number): boolean => taken.has(index) || tally.completed.has(index);
  return firstFreeIndexes(missing, job.spec?.completions ?? 0, isTaken);
}

/** What no index needs goes in any case; then pods that are not ready and the youngest. */
function surplusOf(job: Job, { active, completed }: Tally, wanted: number): Pod[] {
  const useless = isIndexed(job) ? uselessPods(job, active, completed) : [];
  const others = active.filter((pod) => !useless.includes(pod));
  const count = Math.max(0, active.length - wanted - useless.length);
  return [...useless, ...others.toSorted(compareLoss).slice(0, count)];
}

/** Pods of an index that is done, does not exist, or is another active pod's already. */
function uselessPods(job: Job, active: readonly Pod[], completed: ReadonlySet<number>): Pod[] {
  const taken = new Set<number>();
  return active.filter((pod) => {
    const index = indexOf(pod);
    const isNeeded =
      index !== undefined && index < (job.spec?.completions ?? 0) && !completed.has(index) && !taken.has(index);
    if (isNeeded) taken.add(index);
    return !isNeeded;
  });
}

function compareLoss(a: Pod, b: Pod): number {
  return progressOf(a) - progressOf(b) || createdMs(b) - createdMs(a);
}

function progressOf(pod: Pod): number {
  if ((pod.spec?.nodeName ?? "") === "") return 0;
  if (pod.status?.phase !== "Running") return 1;
  return isPodReady(pod) ? 3 : 2;
}

function createdMs({ metadata }: Pod): number {
  return Date.parse(metadata.creationTimestamp ?? "") || 0;
}
