import { getCondition, isControlledBy } from "@kelvin/api";
import { Build, succeededCondition, type BuildStatus } from "@kelvin/api/build/v1alpha1";
import { requeueAfter, waitForEvent, type Outcome } from "@kelvin/controller";
import { ConflictError, isSemanticallyEqual, keyOf, keyText, Pod } from "@kelvin/kube";
import type { BuildDeps } from "./deps.ts";
import { decideExpiryMs } from "./expiry.ts";
import { matesOf } from "./find-turn.ts";
import { indexes } from "./informer-indexes.ts";
import { isBuildFinished, withEnding, type Ending } from "./lifecycle.ts";
import { isPodFinished } from "./status/verdict.ts";

/**
 * Stores a status, if it says anything new, and gives the Build as stored.
 * @throws ConflictError when the Build has changed since it was read: what was decided must be decided again.
 */
export async function recordStatus(build: Build, status: BuildStatus, deps: BuildDeps): Promise<Build> {
  const stored = deps.builds.get(keyOf(build));
  const isKnown =
    stored?.metadata.resourceVersion === build.metadata.resourceVersion && isSemanticallyEqual(stored?.status, status);
  if (isKnown) return { ...build, status };
  const updated = await deps.kube.update(Build, { ...build, status }, { subresource: "status" });
  if (isBuildFinished(updated)) tellEnd(updated, deps);
  return updated;
}

function tellEnd(build: Build, { recorder }: BuildDeps): void {
  const { status, reason = "", message = "" } = getCondition(build.status, succeededCondition) ?? {};
  if (status === "True") recorder.normal(build, reason, "Build succeeded");
  else recorder.warning(build, reason, message);
}

/** Ends a Build before its Pod has ended, or without one. */
export async function endBuild(build: Build, ending: Ending, deps: BuildDeps): Promise<Outcome> {
  const stored = await recordStatus(build, withEnding(build, ending, deps.clock.now()), deps);
  return settleFinished(stored, deps);
}

/** What is left to do for a Build that has ended: no Pod of it may run on, and it may have to go itself. */
export async function settleFinished(build: Build, deps: BuildDeps): Promise<Outcome> {
  const pods = deps.pods.byIndex(indexes.build, keyText(keyOf(build))).filter((pod) => isControlledBy(pod, build));
  const running = pods.filter((pod) => !isPodFinished(pod) && pod.metadata.deletionTimestamp === undefined);
  await Promise.all(running.map((pod) => deletePod(pod, deps)));

  const expiryMs = decideExpiryMs(build, matesOf(build, deps), deps.clock.now());
  if (expiryMs === undefined) return waitForEvent;
  if (expiryMs > 0) return requeueAfter(expiryMs);
  await deleteBuild(build, pods, deps);
  return waitForEvent;
}

/** Keeps its logs first: they go with the Pod. */
export async function deletePod(pod: Pod, { kube, logs }: BuildDeps): Promise<void> {
  const { uid = "" } = pod.metadata;
  await logs.drain(pod);
  try {
    await kube.delete(Pod, keyOf(pod), { preconditions: { uid } });
  } catch (error) {
    // Another Pod of that name is none of ours.
    if (!(error instanceof ConflictError)) throw error;
  }
}

async function deleteBuild(build: Build, pods: readonly Pod[], { kube, logs }: BuildDeps): Promise<void> {
  const { uid = "" } = build.metadata;
  await Promise.all(pods.map((pod) => logs.drain(pod)));
  await kube.delete(Build, keyOf(build), { preconditions: { uid }, propagationPolicy: "Background" });
}
