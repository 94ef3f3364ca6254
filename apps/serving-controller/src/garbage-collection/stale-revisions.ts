import type { GarbageCollectionConfig } from "@kelvin/api/serving/config";
import { annotations, labels, type Revision } from "@kelvin/api/serving/v1";

export interface RetentionQuestion {
  readonly policy: GarbageCollectionConfig;
  /** Never collected, whatever its age. */
  readonly latestReadyRevisionName: string | undefined;
  readonly nowMs: number;
}

/**
 * The Revisions of one Configuration that may go, longest unused first. Pure.
 * Only those that no Route names are candidates; `minNonActiveRevisions` of them always stay.
 */
export function decideStaleRevisions(revisions: readonly Revision[], question: RetentionQuestion): Revision[] {
  const { policy, nowMs } = question;
  const candidates = revisions.filter((revision) => isCandidate(revision, question)).toSorted(byLastActive);
  if (revisions.length <= policy.minNonActiveRevisions || candidates.length <= policy.minNonActiveRevisions) return [];

  const staleMax = candidates.length - policy.minNonActiveRevisions;
  const stale = candidates.filter((revision) => isStale(revision, policy, nowMs)).slice(0, staleMax);
  const survivors = candidates.filter((revision) => !stale.includes(revision));
  if (policy.maxNonActiveRevisions === undefined || survivors.length <= policy.maxNonActiveRevisions) return stale;
  return [...stale, ...survivors.slice(0, survivors.length - policy.maxNonActiveRevisions)];
}

function isCandidate(revision: Revision, { latestReadyRevisionName }: RetentionQuestion): boolean {
  const { name, labels: own, annotations: notes, deletionTimestamp } = revision.metadata;
  return (
    own?.[labels.routingState] === "reserve" &&
    name !== latestReadyRevisionName &&
    notes?.[annotations.noGC]?.toLowerCase() !== "true" &&
    deletionTimestamp === undefined
  );
}

function isStale(revision: Revision, policy: GarbageCollectionConfig, nowMs: number): boolean {
  const { retainSinceCreateTimeMs, retainSinceLastActiveTimeMs } = policy;
  if (retainSinceCreateTimeMs === undefined && retainSinceLastActiveTimeMs === undefined) return false;
  const isOld = retainSinceCreateTimeMs === undefined || nowMs - createdMs(revision) > retainSinceCreateTimeMs;
  const isUnused =
    retainSinceLastActiveTimeMs === undefined || nowMs - lastActiveMs(revision) > retainSinceLastActiveTimeMs;
  return isOld && isUnused;
}

function byLastActive(a: Revision, b: Revision): number {
  return lastActiveMs(a) - lastActiveMs(b);
}

function createdMs(revision: Revision): number {
  return Date.parse(revision.metadata.creationTimestamp ?? "");
}

function lastActiveMs(revision: Revision): number {
  const modifiedMs = Date.parse(revision.metadata.annotations?.[annotations.routingStateModified] ?? "");
  return Number.isNaN(modifiedMs) ? createdMs(revision) : modifiedMs;
}
