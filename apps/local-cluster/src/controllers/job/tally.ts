import type { Job, Pod } from "@kelvin/kube";
import { isBeingDeleted } from "../ownership.ts";
import { isPodActive, isPodReady, isPodTerminal } from "../pods.ts";
import { parseIndexes } from "./completed-indexes.ts";
import { judgeFailure } from "./failure-policy.ts";
import { indexOf, isIndexed, isTracked } from "./job-pod.ts";

/** Ended pods that one pass counts at most; the status must not grow without bound. */
const uncountedMax = 500;

/** What a Job's status and its pods together say. */
export interface Tally {
  readonly active: readonly Pod[];
  readonly readyCount: number;
  /** Pods that are being deleted and have not ended. */
  readonly terminatingCount: number;
  /** Ended pods that are in the sums for good. */
  readonly counted: { readonly succeeded: number; readonly failed: number };
  /** Uids of ended pods that are noted, but keep their finalizer still. */
  readonly uncounted: { readonly succeeded: readonly string[]; readonly failed: readonly string[] };
  /** Indexes that are done; empty for a Job that is not Indexed. */
  readonly completed: ReadonlySet<number>;
  /** All that ever ended well, and ill, the uncounted included. */
  readonly succeeded: number;
  readonly failed: number;
  /** Pods that have their finalizer still, whatever their state. */
  readonly trackedCount: number;
  /** Pods that may lose their finalizer once what is noted here is stored. */
  readonly releasable: readonly Pod[];
  /** False when more pods have ended than are counted at once: then what follows waits for the next pass. */
  readonly isWhole: boolean;
  /** Why the pod failure policy ends the Job, when it does. */
  readonly policyMessage: string | undefined;
}

/**
 * Counts each pod once, whatever is killed when: an ended pod's uid is noted in the status first, then the pod loses its
 * finalizer, and only a uid whose pod is seen without it moves into the sum. Of an Indexed Job, done indexes are a set.
 */
export function takeTally(job: Job, pods: readonly Pod[]): Tally {
  const tracked = pods.filter(isTracked);
  const ended = tracked.filter((pod) => isPodTerminal(pod) || isPodFailed(job, pod));
  const books = openBooks(job, tracked);
  const entered = ended.slice(0, uncountedMax);
  for (const pod of entered) enterPod(books, pod);
  const active = pods.filter(isPodActive);
  const counted = {
    succeeded: isIndexed(job) ? books.completed.size : books.counted.succeeded,
    failed: books.counted.failed,
  };
  return {
    active,
    readyCount: active.filter(isPodReady).length,
    terminatingCount: pods.filter((pod) => isBeingDeleted(pod) && !isPodTerminal(pod)).length,
    counted,
    uncounted: { succeeded: [...books.succeeded], failed: [...books.failed] },
    completed: books.completed,
    succeeded: counted.succeeded + books.succeeded.size,
    failed: counted.failed + books.failed.size,
    trackedCount: tracked.length,
    releasable: isBeingDeleted(job) ? tracked : entered,
    isWhole: entered.length === ended.length,
    policyMessage: books.policyMessage,
  };
}

interface Books {
  readonly job: Job;
  readonly counted: { readonly succeeded: number; readonly failed: number };
  readonly succeeded: Set<string>;
  readonly failed: Set<string>;
  readonly completed: Set<number>;
  policyMessage: string | undefined;
}

/** The status as it was stored; uids whose pod has lost its finalizer since are in the sums. */
function openBooks(job: Job, tracked: readonly Pod[]): Books {
  const { succeeded = 0, failed = 0, uncountedTerminatedPods: noted, completedIndexes } = job.status ?? {};
  const trackedUids = new Set(tracked.map(uidOf));
  const waiting = (uids: readonly string[] = []): string[] => uids.filter((uid) => trackedUids.has(uid));
  const gone = (uids: readonly string[] = []): number => uids.length - waiting(uids).length;
  return {
    job,
    counted: { succeeded: succeeded + gone(noted?.succeeded), failed: failed + gone(noted?.failed) },
    succeeded: new Set(waiting(noted?.succeeded)),
    failed: new Set(waiting(noted?.failed)),
    completed: isIndexed(job) ? parseIndexes(completedIndexes) : new Set(),
    policyMessage: undefined,
  };
}

/** Enters a pod that has ended. */
function enterPod(books: Books, pod: Pod): void {
  const uid = uidOf(pod);
  if (pod.status?.phase === "Succeeded") {
    if (!books.failed.has(uid)) enterSuccess(books, pod);
    return;
  }
  const verdict = judgeFailure(books.job, pod);
  if (verdict.action === "FailJob") books.policyMessage ??= verdict.message;
  if (verdict.action !== "Ignore" && isWithinRange(books.job, pod)) books.failed.add(uid);
}

function enterSuccess({ job, succeeded, completed }: Books, pod: Pod): void {
  const index = indexOf(pod);
  if (!isIndexed(job)) succeeded.add(uidOf(pod));
  else if (index !== undefined && isWithinRange(job, pod)) completed.add(index);
}

function isWithinRange(job: Job, pod: Pod): boolean {
  if (!isIndexed(job)) return true;
  const index = indexOf(pod);
  return index !== undefined && index < (job.spec?.completions ?? 0);
}

/** A pod that is being deleted counts as failed at once, unless the Job waits with its replacement until it has ended. */
export function isPodFailed(job: Job, pod: Pod): boolean {
  const { phase } = pod.status ?? {};
  if (phase === "Failed") return true;
  if (phase === "Succeeded" || !isBeingDeleted(pod)) return false;
  // One that never started will not reach an end by itself.
  return !waitsForEnd(job) || phase === "Pending";
}

/** Whether a pod is replaced only after it has ended. */
export function waitsForEnd(job: Job): boolean {
  return job.spec?.podReplacementPolicy === "Failed";
}

function uidOf(pod: Pod): string {
  return pod.metadata.uid ?? "";
}
