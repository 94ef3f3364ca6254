import {
  markConfigurationFailed,
  markConfigurationNotReady,
  markMissingTrafficTarget,
  markRevisionFailed,
  markRevisionNotOwned,
  markRevisionNotReady,
  type RouteStatus,
} from "@kelvin/api/serving/v1";
import type { TrafficFault } from "./traffic.ts";

/** Says in the status why a target cannot take traffic. */
export function markTrafficFault(status: RouteStatus, fault: TrafficFault, now: Date): void {
  switch (fault.problem) {
    case "missing":
      markMissingTrafficTarget(status, fault, now);
      return;
    case "foreign":
      markRevisionNotOwned(status, fault.target, now);
      return;
    case "failed":
      if (fault.kind === "Configuration") markConfigurationFailed(status, fault.name, now);
      else markRevisionFailed(status, fault.name, now);
      return;
    case "unready":
      if (fault.kind === "Configuration") markConfigurationNotReady(status, fault.name, now);
      else markRevisionNotReady(status, fault.name, now);
  }
}
