import { getCondition } from "@kelvin/api";
import { succeededCondition, type Build } from "@kelvin/api/build/v1alpha1";
import { isBuildFinished } from "./lifecycle.ts";

/**
 * In how many milliseconds a finished Build is to be deleted; 0 is now, undefined is never, as far as can be told. `mates`
 * are the other Builds of its concurrency group.
 */
export function decideExpiryMs(build: Build, mates: readonly Build[], now: Date): number | undefined {
  if (isBeyondHistory(build, mates)) return 0;
  const { ttlSecondsAfterFinished } = build.spec;
  const { completionTime } = build.status ?? {};
  if (ttlSecondsAfterFinished === undefined || completionTime === undefined) return undefined;
  return Math.max(0, Date.parse(completionTime) + ttlSecondsAfterFinished * 1000 - now.getTime());
}

/** Whether as many Builds as are to be kept have ended the same way since. */
function isBeyondHistory(build: Build, mates: readonly Build[]): boolean {
  const { successful, failed } = build.spec.historyLimits ?? {};
  const hasSucceeded = outcomeOf(build) === "True";
  const limit = hasSucceeded ? successful : failed;
  if (limit === undefined) return false;
  const later = mates.filter(
    (mate) => isBuildFinished(mate) && (outcomeOf(mate) === "True") === hasSucceeded && endKey(mate) > endKey(build),
  );
  return later.length >= limit;
}

function outcomeOf({ status }: Build): string | undefined {
  return getCondition(status, succeededCondition)?.status;
}

function endKey({ metadata, status }: Build): string {
  return `${status?.completionTime ?? ""} ${metadata.creationTimestamp ?? ""} ${metadata.name ?? ""}`;
}
