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
    return hasSucceeded || hasFailed ? [{ hasSucceeded, atMs: endedAtMs(pod) }] : [];
  });
  const successMs = Math.max(0, ...ends.filter(({ hasSucceeded }) => hasSucceeded).map(({ atMs }) => atMs));
  const failures = ends.filter(({ hasSucceeded, atMs }) => !hasSucceeded && atMs > successMs);
  if (failures.length === 0) return 0;
  const lastMs = Math.max(...failures.map(({ atMs }) => atMs));
  const delayMs = Math.min(delayMsMax, firstDelayMs * 2 ** (failures.length - 1));
  return Math.max(0, lastMs + delayMs - nowMs);
}

/**
 * When the last container ended. For a pod that does not say: when its deletion was asked for, when it ceased to be ready,
 * or else when it was made. Never the present, which would put off the retry for ever.
 */
function endedAtMs({ metadata, status }: Pod): number {
  const ends = (status?.containerStatuses ?? []).flatMap(({ state }) => state?.terminated?.finishedAt ?? []);
  if (ends.length > 0) return Math.max(...ends.map((time) => Date.parse(time)));
  const { deletionTimestamp, deletionGracePeriodSeconds = 0, creationTimestamp = "" } = metadata;
  if (deletionTimestamp !== undefined) return Date.parse(deletionTimestamp) - deletionGracePeriodSeconds * 1000;
  const unready = status?.conditions?.find(({ type, status: value }) => type === "Ready" && value === "False");
  return Date.parse(unready?.lastTransitionTime ?? creationTimestamp) || 0;
}
