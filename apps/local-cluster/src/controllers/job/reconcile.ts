import {
  type Clock,
  isSemanticallyEqual,
  Job,
  keyOf,
  labelSelectorMatcher,
  type Pod,
  Pod as PodKind,
} from "@kelvin/kube";
import { type Outcome, requeueAfter, waitForEvent } from "@kelvin/controller";
import { claimChildren } from "../claim.ts";
import { isNamespaceTerminating } from "../namespace-terminating.ts";
import { isBeingDeleted } from "../ownership.ts";
import { createPod, deletePod, type PodControlDeps } from "../pod-control.ts";
import { retryDelayMs } from "../retry-delay.ts";
import { runSlowStart } from "../slow-start.ts";
import { makeJobPod, trackingFinalizer } from "./job-pod.ts";
import { decidePods } from "./pod-plan.ts";
import { releasePod } from "./release-pod.ts";
import { decideEvents, finalCondition, makeJobStatus } from "./status.ts";
import { takeTally, type Tally } from "./tally.ts";
import { deadlineInMs, decideVerdict, type Verdict } from "./verdict.ts";

/** The name by which other controllers say in `spec.managedBy` that they run the Job. */
const ownName = "kubernetes.io/job-controller";

export interface JobDeps extends PodControlDeps {
  readonly clock: Pick<Clock, "now">;
  readonly random: () => number;
  /** Those of the Job and the orphans of its namespace. */
  readonly candidatePods: (job: Job) => readonly Pod[];
}

/**
 * Runs a Job: pods until enough have ended well or too many ill, each counted once. One pass changes pods, then stores
 * what it counted, then releases what it stored; a crash between any two lines repeats a step and changes no sum.
 *
 * The Job is read afresh, for sums must not be written from a stale copy; the pods may be stale, our own writes apart.
 */
export async function reconcileJob(cached: Job, deps: JobDeps): Promise<Outcome> {
  const job = await deps.kube.find(Job, keyOf(cached));
  if (job === undefined || job.metadata.uid !== cached.metadata.uid) return waitForEvent;
  if ((job.spec?.managedBy ?? ownName) !== ownName) return waitForEvent;
  return finalCondition(job) === undefined ? run(job, deps) : retire(job, deps);
}

async function run(job: Job, deps: JobDeps): Promise<Outcome> {
  const pods = await claimPods(job, deps);
  const uid = job.metadata.uid ?? "";
  const now = deps.clock.now();
  const tally = takeTally(job, pods);
  const isSettled = deps.unseen.expiresInMs(uid) === undefined && tally.isWhole;
  const verdict = decideVerdict(job, tally, { now, isSettled });
  const change = isSettled
    ? await changePods(job, { pods, tally, verdict, now }, deps)
    : { activeDelta: deps.unseen.countCreated(uid), waitMs: deps.unseen.expiresInMs(uid) };

  const isDrained = isSettled && tally.active.length + tally.terminatingCount + tally.trackedCount === 0;
  const activeCount = Math.max(0, tally.active.length + change.activeDelta);
  await writeStatus(job, makeJobStatus(job, tally, { verdict, isDrained, activeCount, now }), deps);
  await Promise.all(tally.releasable.map((pod) => releasePod(pod, deps.kube)));
  const waitsMs = [change.waitMs, verdict === undefined ? deadlineInMs(job, now) : undefined];
  const known = waitsMs.filter((waitMs) => waitMs !== undefined);
  return known.length === 0 ? waitForEvent : requeueAfter(Math.max(1, Math.min(...known)));
}

/** An adopted pod is counted like our own, so it gets the finalizer too. */
async function claimPods(job: Job, deps: JobDeps): Promise<Pod[]> {
  const matches = labelSelectorMatcher(job.spec?.selector);
  const claim = { ownerKind: Job, owner: job, childKind: PodKind, matches, finalizer: trackingFinalizer };
  return claimChildren(deps.kube, claim, deps.candidatePods(job));
}

interface PodsChange {
  readonly activeDelta: number;
  /** When to look again though nothing changes. */
  readonly waitMs: number | undefined;
}

interface PodsView {
  readonly pods: readonly Pod[];
  readonly tally: Tally;
  readonly verdict: Verdict | undefined;
  readonly now: Date;
}

const nothingChanged: PodsChange = { activeDelta: 0, waitMs: undefined };

async function changePods(job: Job, view: PodsView, deps: JobDeps): Promise<PodsChange> {
  const { pods, tally, verdict, now } = view;
  if (isBeingDeleted(job)) return nothingChanged;
  if (verdict !== undefined) {
    await Promise.all(tally.active.map((pod) => deletePod(job, pod, deps)));
    return { activeDelta: -tally.active.length, waitMs: undefined };
  }
  const plan = decidePods(job, pods, { tally, nowMs: now.getTime() });
  await Promise.all(plan.remove.map((pod) => removeUncounted(job, pod, deps)));
  const { succeededCount, error } = await runSlowStart(plan.create.length, (position) =>
    createPod(job, makeJobPod(job, plan.create[position], deps.random), deps),
  );
  const activeDelta = succeededCount - plan.remove.length;
  if (error === undefined || isNamespaceTerminating(error)) return { activeDelta, waitMs: plan.retryInMs };
  return { activeDelta, waitMs: retryDelayMs({ type: "", status: "", ...startOf(job) }, now) };
}

/** The finalizer goes first, so that the pod's end is nobody's failure. */
async function removeUncounted(job: Job, pod: Pod, deps: JobDeps): Promise<void> {
  await releasePod(pod, deps.kube);
  await deletePod(job, pod, deps);
}

function startOf({ status }: Job): { lastTransitionTime?: string } {
  return status?.startTime === undefined ? {} : { lastTransitionTime: status.startTime };
}

/** Onto exactly the version that was read: sums are never written over others. */
async function writeStatus(job: Job, status: NonNullable<Job["status"]>, deps: JobDeps): Promise<void> {
  if (isSemanticallyEqual(status, job.status)) return;
  await deps.kube.update(Job, { ...job, status }, { subresource: "status" });
  for (const { type, reason, message } of decideEvents(job.status, status)) {
    if (type === "Normal") deps.recorder.normal(job, reason, message);
    else deps.recorder.warning(job, reason, message);
  }
}

/** Removes a Job that is over once its time to live has passed. */
async function retire(job: Job, { kube, clock }: JobDeps): Promise<Outcome> {
  const endedAt = finalCondition(job)?.lastTransitionTime;
  const lifeSeconds = job.spec?.ttlSecondsAfterFinished;
  if (lifeSeconds === undefined || endedAt === undefined || isBeingDeleted(job)) return waitForEvent;
  const waitMs = Date.parse(endedAt) + lifeSeconds * 1000 - clock.now().getTime();
  if (waitMs > 0) return requeueAfter(waitMs);
  const { uid, resourceVersion } = job.metadata;
  const preconditions = {
    ...(uid !== undefined && { uid }),
    ...(resourceVersion !== undefined && { resourceVersion }),
  };
  await kube.delete(Job, keyOf(job), { propagationPolicy: "Foreground", preconditions });
  return waitForEvent;
}
