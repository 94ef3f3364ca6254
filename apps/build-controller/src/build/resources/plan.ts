import { buildAnnotations, type SourceKind } from "@kelvin/api/build/v1alpha1";
import { isRecord } from "@kelvin/api";
import type { Pod } from "@kelvin/kube";

/** What each container of a build Pod is for. Written onto the Pod when it is made, so that its status can be read alone. */
export interface BuildPlan {
  readonly sources: readonly PlannedSource[];
  readonly steps: readonly PlannedStep[];
  /** The image that results may name. */
  readonly image?: string;
}

export interface PlannedSource {
  readonly name: string;
  readonly container: string;
  readonly kind: SourceKind;
}

export interface PlannedStep {
  readonly name: string;
  readonly container: string;
  /** The container that restored its cache, if it has one. */
  readonly restore?: string;
  /** It has a cache that nobody keeps. */
  readonly hasNoCacheStore?: boolean;
}

const emptyPlan: BuildPlan = { sources: [], steps: [] };

/** The annotation's value. */
export function encodePlan(plan: BuildPlan): string {
  return JSON.stringify(plan);
}

/** The plan of a Pod that we made. One that somebody has broken tells nothing. */
export function planOf(pod: Pod): BuildPlan {
  const text = pod.metadata.annotations?.[buildAnnotations.plan];
  if (text === undefined) return emptyPlan;
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) && Array.isArray(value["steps"]) && Array.isArray(value["sources"])
      ? (value as object as BuildPlan)
      : emptyPlan;
  } catch {
    // Only its writer and people with a text editor touch it; the Pod's phase still says how the build ends.
    return emptyPlan;
  }
}
