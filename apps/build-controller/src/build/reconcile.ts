import { buildReasons, type Build, type BuildAttempt, type BuildStatus } from "@kelvin/api/build/v1alpha1";
import { requeueAfter, waitForEvent, type Outcome } from "@kelvin/controller";
import { Pod } from "@kelvin/kube";
import { ensurePod, startAttempt } from "./attempt.ts";
import type { BuildDeps } from "./deps.ts";
import { deletePod, endBuild, recordStatus, settleFinished } from "./ending.ts";
import {
  cancelledEnding,
  currentAttempt,
  deadlineMsOf,
  isBuildFinished,
  isCancelled,
  mayStartOver,
  supersededEnding,
  timeoutEnding,
  withLostAttempt,
  withQueued,
  type Ending,
} from "./lifecycle.ts";
import { statusOf } from "./status/status-of.ts";
import { findLoss, type Loss } from "./status/loss.ts";
import { isPodFinished } from "./status/verdict.ts";
import { findTurn } from "./find-turn.ts";
import type { Turn } from "./turn.ts";

/**
 * Drives one Build to its end: one Pod at a time, and its status after that Pod.
 * Level-based: right after missed events, stale reads, or a crash between any two lines. Every write of status names the
 * version it was decided on, so that what was decided on an old one is thrown away and decided again.
 */
export async function reconcileBuild(build: Build, deps: BuildDeps): Promise<Outcome> {
  if (isBuildFinished(build)) return settleFinished(build, deps);
  const attempt = currentAttempt(build);
  const pod = attempt === undefined ? undefined : deps.pods.get(podKey(build, attempt));
  // Whatever else is so, a Pod that has come to its end says how the Build ended.
  if (pod !== undefined && isPodFinished(pod)) return followPod(build, pod, deps);

  const turn = await findTurn(build, deps);
  const ending = findEnding(build, turn, deps.clock.now());
  if (ending !== undefined) return endBuild(build, ending, deps);
  if (attempt === undefined) {
    if (turn.state === "wait") return queue(build, turn.waitsFor, deps);
    return startAttempt(build, { deps, follow: followPod });
  }
  if (pod !== undefined) return followPod(build, pod, deps);
  if (attempt.podUID === undefined) return ensurePod(build, { deps, follow: followPod });
  return followVanished(build, attempt, deps);
}

/** Why the Build ends now, or undefined. */
function findEnding(build: Build, turn: Turn, now: Date): Ending | undefined {
  if (isCancelled(build)) return cancelledEnding(build);
  if (now.getTime() >= (deadlineMsOf(build) ?? Infinity)) return timeoutEnding(build);
  return turn.state === "superseded" ? supersededEnding(build, turn.by) : undefined;
}

async function queue(build: Build, waitsFor: string, deps: BuildDeps): Promise<Outcome> {
  await recordStatus(build, withQueued(build, waitsFor, deps.clock.now()), deps);
  return waitForEvent;
}

/** Says in the Build's status what its Pod says. */
async function followPod(build: Build, pod: Pod, deps: BuildDeps): Promise<Outcome> {
  const status = statusOf(pod, build, deps.clock.now());
  const loss = findLoss(pod);
  const stepsStarted = status.attempts?.at(-1)?.stepsStarted === true;
  if (loss !== undefined && mayStartOver(build, stepsStarted)) {
    return replacePod(build, { ...loss, stepsStarted, pod, seen: status }, deps);
  }
  const stored = await recordStatus(build, status, deps);
  return isBuildFinished(stored) ? settleFinished(stored, deps) : untilDeadline(stored, deps);
}

/** The Pod that was there is not found: it ended, or was lost, while nobody looked. */
async function followVanished(build: Build, attempt: BuildAttempt, deps: BuildDeps): Promise<Outcome> {
  const live = await deps.kube.find(Pod, podKey(build, attempt));
  if (live !== undefined && live.metadata.uid === attempt.podUID) return followPod(build, live, deps);
  if (attempt.reason !== undefined) return startAttempt(build, { deps, follow: followPod });
  const last = deps.lastSeen(attempt.podUID ?? "");
  if (last !== undefined && isPodFinished(last) && findLoss(last) === undefined) return followPod(build, last, deps);
  const { known, stepsStarted } = recallBuild(build, last, deps);
  const message = `Pod "${attempt.podName}" is gone: somebody deleted it, or its node was lost`;
  const loss: Loss = { reason: buildReasons.podLost, message };
  if (!mayStartOver(build, stepsStarted)) return endBuild(known, loss, deps);
  return replacePod(build, { ...loss, stepsStarted, pod: undefined, seen: known.status ?? {} }, deps);
}

/** The Build as its Pod was last seen. What nobody has seen may have happened: a step that may have run is taken to have. */
function recallBuild(
  build: Build,
  last: Pod | undefined,
  { clock }: BuildDeps,
): { known: Build; stepsStarted: boolean } {
  if (last === undefined) return { known: build, stepsStarted: true };
  const status = statusOf(last, build, clock.now());
  return { known: { ...build, status }, stepsStarted: status.attempts?.at(-1)?.stepsStarted === true };
}

/** Makes room for another Pod: never two at once, so the old one must be gone first. */
async function replacePod(
  build: Build,
  {
    pod,
    ...lost
  }: Loss & { readonly stepsStarted: boolean; readonly pod: Pod | undefined; readonly seen: BuildStatus },
  deps: BuildDeps,
): Promise<Outcome> {
  const stored = await recordStatus(build, withLostAttempt(build, lost, deps.clock.now()), deps);
  if (pod === undefined) return startAttempt(stored, { deps, follow: followPod });
  if (pod.metadata.deletionTimestamp === undefined) await deletePod(pod, deps);
  return untilDeadline(stored, deps);
}

function untilDeadline(build: Build, { clock }: BuildDeps): Outcome {
  const deadlineMs = deadlineMsOf(build);
  return deadlineMs === undefined ? waitForEvent : requeueAfter(Math.max(0, deadlineMs - clock.now().getTime()));
}

function podKey({ metadata: { namespace = "" } }: Build, { podName }: BuildAttempt) {
  return { namespace, name: podName };
}
