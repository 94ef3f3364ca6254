import { noMemory, type ScaleDecision, type ScaleMemory, type ScaleObservation } from "../decider/decide.ts";
import type { RevisionKey } from "../reports/report-ledger.ts";

/** Pods that are being emptied before the scale is lowered. */
export interface Drain {
  readonly pods: readonly string[];
  readonly sinceMs: number;
}

/** The last decision and what it was made from, for people who ask why. */
export interface ExplainedDecision {
  readonly at: string;
  readonly decision: ScaleDecision;
  readonly observation: ScaleObservation;
}

/** What the autoscaler remembers of one revision between two decisions. All of it may be lost without harm. */
export interface ScaleEntry {
  memory: ScaleMemory;
  /** When this process first looked at the revision, on the monotonic clock. */
  readonly firstSeenMs: number;
  drain?: Drain | undefined;
  explained?: ExplainedDecision;
}

/** One entry per PodAutoscaler that exists; entries of deleted ones are dropped. */
export interface ScaleBook {
  entry(key: RevisionKey, facts: { nowMs: number; podCountReady: number }): ScaleEntry;
  find(key: RevisionKey): ScaleEntry | undefined;
  forget(key: RevisionKey): void;
}

/** Opens an empty book. */
export function openScaleBook(): ScaleBook {
  const entries = new Map<RevisionKey, ScaleEntry>();
  return {
    entry(key, { nowMs, podCountReady }) {
      let entry = entries.get(key);
      if (entry === undefined) {
        entry = { memory: firstMemory(podCountReady, nowMs), firstSeenMs: nowMs };
        entries.set(key, entry);
      }
      return entry;
    },
    find: (key) => entries.get(key),
    forget: (key) => void entries.delete(key),
  };
}

/** A revision met with several pods begins in panic, so that a restart of the autoscaler never lowers a scale at once. */
function firstMemory(podCountReady: number, nowMs: number): ScaleMemory {
  return podCountReady > 1 ? { panicSinceMs: nowMs, panicPodCount: podCountReady, recentWishes: [] } : noMemory;
}
