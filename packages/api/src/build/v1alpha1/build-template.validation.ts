import { invalidKeyName, viaField, type FieldError } from "../../meta/field-error.ts";
import { specErrors } from "../../meta/schema-check.ts";
import { validateBuildMetadata } from "./build.validation.ts";
import { BuildTemplate, type BuildTemplateSpec, type ClusterBuildTemplate } from "./build-template.types.ts";
import { validateSteps, validateVolumes } from "./step.validation.ts";

/** What is wrong with a template of either kind, in v0.7's words: the first group of what is wrong only. */
export function validateBuildTemplate(template: BuildTemplate | ClusterBuildTemplate): FieldError[] {
  const shapeErrors = specErrors(BuildTemplate, template);
  if (shapeErrors.length > 0) return shapeErrors;
  return [...validateBuildMetadata(template.metadata), ...viaField(validateTemplateSpec(template.spec ?? {}), "spec")];
}

function validateTemplateSpec({ steps = [], volumes = [], parameters = [] }: BuildTemplateSpec): FieldError[] {
  const stepErrors = validateSteps(steps);
  if (stepErrors.length > 0) return stepErrors;
  const volumeErrors = validateVolumes(volumes);
  if (volumeErrors.length > 0) return volumeErrors;
  const names = parameters.map(({ name }) => name);
  // The path is v0.7's, odd as it is.
  return new Set(names).size < names.length ? [invalidKeyName("ParamName", "b.spec.params")] : [];
}
