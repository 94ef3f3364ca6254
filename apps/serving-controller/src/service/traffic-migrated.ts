import { isConditionTrue } from "@kelvin/api";
import type { Configuration, Route, TrafficTarget } from "@kelvin/api/serving/v1";

/**
 * Whether a ready Route sends its traffic where its spec says, the latest ready Revision filled in. A Route that is not
 * ready speaks for itself, so it counts as migrated.
 */
export function isTrafficMigrated(route: Route, configuration: Configuration): boolean {
  if (!isConditionTrue(route.status, "Ready")) return true;
  const latestReady = configuration.status?.latestReadyRevisionName ?? "";
  const wanted = (route.spec.traffic ?? []).map((target) =>
    target.configurationName === configuration.metadata.name ? { ...target, revisionName: latestReady } : target,
  );
  const actual = route.status?.traffic ?? [];
  return wanted.length === actual.length && wanted.every((target, index) => isSameTarget(target, actual[index]));
}

function isSameTarget(wanted: TrafficTarget, actual: TrafficTarget | undefined): boolean {
  return (
    (wanted.revisionName ?? "") === (actual?.revisionName ?? "") &&
    (wanted.tag ?? "") === (actual?.tag ?? "") &&
    (wanted.percent ?? 0) === (actual?.percent ?? 0)
  );
}
