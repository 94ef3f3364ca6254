import { dns1123LabelProblems } from "../../meta/dns-names.ts";
import { invalidValue, missingField, multipleOneOf, viaField, type FieldError } from "../../meta/field-error.ts";
import { containerPrefix } from "./labels.ts";
import { validateInnerPath } from "./source.validation.ts";
import type { BuildVolume, Step, StepCache } from "./step.types.ts";

/** What is wrong with a list of steps: the first thing only, as v0.7 says it. */
export function validateSteps(steps: readonly Step[]): FieldError[] {
  const names = new Set<string>();
  for (const { image = "", name = "" } of steps) {
    if (image === "") return [missingField("Image")];
    if (name === "") continue;
    if (names.has(name)) return [multipleOneOf("name")];
    names.add(name);
  }
  return [];
}

/** What would only fail once the Pod is made, or later still: told early. */
export function validateStepDetails(steps: readonly Step[]): FieldError[] {
  return steps.flatMap(({ name = "", cache }) => [
    ...validateStepName(name),
    ...(cache === undefined ? [] : viaField(validateCache(cache), "cache")),
  ]);
}

function validateStepName(name: string): FieldError[] {
  if (name === "" || name.includes("${")) return [];
  if (dns1123LabelProblems(containerPrefix + name).length === 0) return [];
  return [
    invalidValue(name, "name", "must be a DNS label of at most 52 characters, for a container is named after it"),
  ];
}

function validateCache({ key, paths }: StepCache): FieldError[] {
  const missing = [...(key.length === 0 ? ["key"] : []), ...(paths.length === 0 ? ["paths"] : [])];
  if (missing.length > 0) return [missingField(...missing)];
  const keys = key.flatMap((glob) => validateInnerPath(glob, "key"));
  // The step's home directory may be kept too, and is named from the root.
  return [...keys, ...paths.flatMap((path) => validateInnerPath(path, "paths"))];
}

/** Whether two volumes have one name. */
export function validateVolumes(volumes: readonly BuildVolume[]): FieldError[] {
  const names = volumes.map(({ name = "" }) => name);
  return new Set(names).size < names.length ? [multipleOneOf("name")] : [];
}
