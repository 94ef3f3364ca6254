import type { Job, Pod } from "@kelvin/kube";
import { isBeingDeleted } from "../ownership.ts";
import { isTracked } from "./job-pod.ts";
import { isPodFailed } from "./tally.ts";

const firstDelayMs = 10_000;
const delayMsMax = 360_000;

/**
 * How long until failed pods may be followed by new ones: 10 s after the first failure, twice as long after each more,
 * six minutes at most; a success starts over. Read off the pods themselves, so that a restart forgets nothing.
 */
export function retryInMs(job: Job, pods: readonly Pod[], nowMs: number): number {
  const ends = pods.flatMap((pod) => {
    const hasSucceeded = pod.status?.phase === "Succeeded";
    // What we removed ourselves lost its finalizer first; that was no failure.
    const hasFailed = isPodFailed(job, pod) && (isTracked(pod) || !isBeingDeleted(pod));
    return hasSucceeded || hasFailed ? [{ hasSucceeded, atMs: endedAtMs(pod) ?? nowMs }] : [];
  });
  const successMs = Math.max(0, ...ends.filter(({ hasSucceeded }) => hasSucceeded).map(({ atMs }) => atMs));
  const failures = ends.filter(({ hasSucceeded, atMs }) => !hasSucceeded && atMs > successMs);
  if (failures.length === 0) return 0;
  const lastMs = Math.max(...failures.map(({ atMs }) => atMs));
  const delayMs = Math.min(delayMsMax, firstDelayMs * 2 ** (failures.length - 1));
  return Math.max(0, lastMs + delayMs - nowMs);
}

/** When the last container ended; for a pod that says nothing, when its deletion was asked for or it ceased to be ready. */
function endedAtMs({ metadata, status }: Pod): number | undefined {
  const ends = (status?.containerStatuses ?? []).flatMap(({ state }) => state?.terminated?.finishedAt ?? []);
  const unready = status?.conditions?.find(({ type }) => type === "Ready")?.lastTransitionTime;
  const times = ends.length > 0 ? ends : [metadata.deletionTimestamp ?? unready ?? ""];
  const lastMs = Math.max(...times.map((time) => Date.parse(time)));
  if (Number.isNaN(lastMs)) return undefined;
  return ends.length > 0 ? lastMs : lastMs - (metadata.deletionGracePeriodSeconds ?? 0) * 1000;
}
