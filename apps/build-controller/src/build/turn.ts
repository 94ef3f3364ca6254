import type { Build } from "@kelvin/api/build/v1alpha1";
import { isBuildFinished, isCancelled } from "./lifecycle.ts";

/** Whether a Build may start, or go on. */
export type Turn =
  | { readonly state: "now" }
  | { readonly state: "wait"; readonly waitsFor: string }
  | { readonly state: "superseded"; readonly by: string };

/**
 * Decides whose turn it is in a concurrency group. `mates` are the other Builds of the group; `hasPod` tells of one whether
 * a Pod of it may still run. A Build starts only when every older one is finished and without a Pod.
 */
export function decideTurn(build: Build, mates: readonly Build[], hasPod: (mate: Build) => boolean): Turn {
  const newer = mates.filter((mate) => isOlder(build, mate) && !isCancelled(mate)).toSorted(byAge);
  const superseding = newer.findLast(({ spec }) => (spec.concurrency?.policy ?? "Supersede") === "Supersede");
  if (superseding !== undefined) return { state: "superseded", by: superseding.metadata.name ?? "" };
  const blocking = mates
    .filter((mate) => isOlder(mate, build) && (!isBuildFinished(mate) || hasPod(mate)))
    .toSorted(byAge)[0];
  return blocking === undefined ? { state: "now" } : { state: "wait", waitsFor: blocking.metadata.name ?? "" };
}

function isOlder(one: Build, other: Build): boolean {
  return byAge(one, other) < 0;
}

/** Creation times have whole seconds only; within one, names decide, so that all replicas decide alike. */
function byAge(one: Build, other: Build): number {
  return compare(ageKey(one), ageKey(other));
}

function ageKey({ metadata: { creationTimestamp = "", name = "" } }: Build): string {
  return `${creationTimestamp} ${name}`;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
