import { qualifiedNameProblems } from "../../meta/dns-names.ts";
import {
  disallowedField,
  fieldError,
  invalidKeyName,
  missingOneOf,
  multipleOneOf,
  outOfBounds,
  viaField,
  viaIndex,
  type FieldError,
} from "../../meta/field-error.ts";
import { validateDNS1035Name } from "../../meta/object-meta.validation.ts";
import type { TrafficTarget } from "./route.types.ts";

/** Whose traffic it is: a Service has its own Configuration, a Route must name one. */
export type TrafficOwner = "Service" | "Route";

/** What is wrong with `spec.traffic`. Paths begin with `traffic`. */
export function validateTraffic(traffic: readonly TrafficTarget[], owner: TrafficOwner): FieldError[] {
  const sum = traffic.reduce((total, { percent = 0 }) => total + percent, 0);
  const errors = [
    ...traffic.flatMap((target, index) => viaIndex(validateTarget(target, owner), index)),
    ...validateTagsAreUnique(traffic),
    ...(sum === 100 ? [] : [fieldError(`Traffic targets sum to ${sum}, want 100`, [""])]),
  ];
  return viaField(errors, "traffic");
}

function validateTarget(target: TrafficTarget, owner: TrafficOwner): FieldError[] {
  const { percent = 0, tag = "", url = "" } = target;
  return [
    ...validateLatestRevision(target),
    ...validateTargetName(target, owner),
    ...(percent < 0 || percent > 100 ? [outOfBounds(percent, { min: 0, max: 100 }, "percent")] : []),
    ...(url === "" ? [] : [disallowedField("url")]),
    ...validateDNS1035Name(tag, "tag"),
  ];
}

function validateLatestRevision({ latestRevision, revisionName = "" }: TrafficTarget): FieldError[] {
  if (latestRevision === undefined) return [];
  const isPinned = revisionName !== "";
  if (isPinned !== latestRevision) return [];
  const text = `may not set revisionName "${revisionName}" when latestRevision is ${latestRevision}`;
  return [fieldError(text, ["latestRevision"])];
}

function validateTargetName(target: TrafficTarget, owner: TrafficOwner): FieldError[] {
  const { revisionName = "", configurationName = "" } = target;
  if (owner === "Service" && configurationName !== "") return [disallowedField("configurationName")];
  if (revisionName !== "" && configurationName !== "") return [multipleOneOf("revisionName", "configurationName")];
  if (revisionName !== "") return validateQualifiedName(revisionName, "revisionName");
  if (configurationName !== "") return validateQualifiedName(configurationName, "configurationName");
  return owner === "Service" ? [] : [missingOneOf("revisionName", "configurationName")];
}

function validateQualifiedName(name: string, path: string): FieldError[] {
  const problems = qualifiedNameProblems(name);
  return problems.length === 0 ? [] : [invalidKeyName(name, path, problems.join("\n"))];
}

function validateTagsAreUnique(traffic: readonly TrafficTarget[]): FieldError[] {
  const firstIndex = new Map<string, number>();
  return traffic.flatMap(({ tag = "" }, index) => {
    const first = tag === "" ? undefined : firstIndex.get(tag);
    if (first === undefined) firstIndex.set(tag, index);
    return first === undefined
      ? []
      : [fieldError(`Multiple definitions for "${tag}"`, [`[${index}].tag`, `[${first}].tag`])];
  });
}
