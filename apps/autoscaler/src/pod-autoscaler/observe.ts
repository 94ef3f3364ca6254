import { activeStatusAgeMs, isScaleTargetInitialized, type PodAutoscaler } from "@kelvin/api/autoscaling/v1alpha1";
import type { ScaleObservation } from "../decider/decide.ts";
import type { ScaleSpec } from "../decider/scale-spec.ts";
import type { RevisionLoad } from "../reports/report-ledger.ts";
import type { ScaleEntry } from "./scale-book.ts";

/** Facts about a revision that do not come from the reports. */
export interface RevisionFacts {
  readonly podCountServing: number;
  readonly podCountCurrent: number;
  readonly isComplete: boolean;
  readonly now: Date;
  readonly nowMs: number;
}

/** Puts together what a decision is made from. Pure. */
export function observe(
  podAutoscaler: PodAutoscaler,
  { spec, load, entry }: { spec: ScaleSpec; load: RevisionLoad; entry: ScaleEntry },
  facts: RevisionFacts,
): ScaleObservation {
  const sinceSeenMs = facts.nowMs - entry.firstSeenMs;
  const average = (windowMs: number): number | undefined =>
    spec.metric === "rps" ? load.averageRps(windowMs) : load.averageConcurrency(windowMs);
  return {
    stableLoad: average(spec.stableWindowMs),
    panicLoad: average(spec.panicWindowMs) ?? 0,
    outstanding: load.inFlight + load.queued,
    idleMs: load.lastTrafficMs === undefined ? Infinity : facts.nowMs - load.lastTrafficMs,
    activeMs: quietSinceActiveMs(podAutoscaler, sinceSeenMs, facts.now),
    activatingMs: Math.max(0, activeStatusAgeMs(podAutoscaler.status, "Unknown", facts.now)),
    podCountReady: facts.podCountServing,
    podCountCurrent: facts.podCountCurrent,
    isInitialized: isScaleTargetInitialized(podAutoscaler.status),
    isComplete: facts.isComplete,
  };
}

/** How long the revision has been in its present state, as far as this process can vouch for. */
function quietSinceActiveMs(podAutoscaler: PodAutoscaler, sinceSeenMs: number, now: Date): number {
  const activeMs = activeStatusAgeMs(podAutoscaler.status, "True", now);
  if (activeMs >= 0) return Math.min(activeMs, sinceSeenMs);
  const isInactive = activeStatusAgeMs(podAutoscaler.status, "False", now) >= 0;
  return isInactive ? sinceSeenMs : 0;
}
