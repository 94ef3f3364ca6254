import { formatDuration, parseDuration } from "../../meta/duration.ts";
import {
  fieldError,
  invalidValue,
  missingField,
  missingOneOf,
  multipleOneOf,
  viaField,
  type FieldError,
} from "../../meta/field-error.ts";
import type { ObjectMeta } from "../../meta/object-meta.ts";
import { specErrors } from "../../meta/schema-check.ts";
import { timeoutMaxMs } from "./build.defaults.ts";
import { Build, type BuildSpec, type TemplateInstantiation } from "./build.types.ts";
import { validateSource, validateSources } from "./source.validation.ts";
import { validateStepDetails, validateSteps, validateVolumes } from "./step.validation.ts";

/** The kinds of templates that a Build may name. */
export const templateKinds = ["BuildTemplate", "ClusterBuildTemplate"] as const;

/** What is wrong with a Build, in v0.7's words. Default it first. */
export function validateBuild(build: Build): FieldError[] {
  const shapeErrors = specErrors(Build, build);
  if (shapeErrors.length > 0) return shapeErrors;
  return [...validateBuildMetadata(build.metadata), ...viaField(validateBuildSpec(build.spec ?? {}), "spec")];
}

/** What is wrong with the name of a Build or a template. A generated name is checked once it is there. */
export function validateBuildMetadata({ name = "" }: ObjectMeta): FieldError[] {
  if (name.includes(".")) {
    return [fieldError("Invalid resource name: special character . must not be present", ["metadata.name"])];
  }
  return name.length > 63
    ? [fieldError("Invalid resource name: length must be no more than 63 characters", ["metadata.name"])]
    : [];
}

function validateBuildSpec(spec: BuildSpec): FieldError[] {
  const { template, steps = [] } = spec;
  if (template === undefined && steps.length === 0) return [missingOneOf("steps", "template")];
  if (template !== undefined && steps.length > 0) return [multipleOneOf("steps", "template")];
  // A Build by template is looked at when it starts: its template may not even be there yet.
  if (template !== undefined) return [...viaField(validateTemplateName(template), "template"), ...validateOurs(spec)];
  const { volumes = [], timeout = "" } = spec;
  return [
    ...validateSourceFields(spec),
    ...viaField(validateVolumes(volumes), "volumes"),
    ...validateTimeout(timeout),
    ...viaField(validateSteps(steps), "steps"),
    ...viaField(validateStepDetails(steps), "steps"),
    ...validateOurs(spec),
  ];
}

function validateTemplateName({ name = "", kind = "" }: TemplateInstantiation): FieldError[] {
  if (name === "") return [missingField("name")];
  return kind === "" || templateKinds.some((known) => known === kind) ? [] : [invalidValue(kind, "kind")];
}

/** What is wrong with where the files come from. Paths are relative to the spec. */
export function validateSourceFields({ source, sources = [] }: BuildSpec): FieldError[] {
  if (source !== undefined && sources.length > 0) return [multipleOneOf("source", "sources")];
  return source === undefined ? validateSources(sources) : viaField(validateSource(source), "source");
}

function validateTimeout(timeout: string): FieldError[] {
  if (timeout === "") return [];
  try {
    const timeoutMs = parseDuration(timeout);
    return timeoutMs < 0 || timeoutMs > timeoutMaxMs
      ? [fieldError(`expected 0 <= ${formatDuration(timeoutMs)} <= 24`, ["timeout"])]
      : [];
  } catch {
    return [invalidValue(timeout, "timeout", "must be a duration such as 500s, 20m or 1h30m")];
  }
}

// Fields that v0.7 did not have, so that nothing it accepted is refused.
function validateOurs({ historyLimits, concurrency, image = "" }: BuildSpec): FieldError[] {
  const errors: FieldError[] = [];
  if (historyLimits !== undefined && concurrency === undefined) errors.push(missingField("concurrency.group"));
  if (/[\s@]/.test(image)) errors.push(invalidValue(image, "image", "must be an image without a digest"));
  return errors;
}
