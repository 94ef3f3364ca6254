import { specErrors } from "../../meta/schema-check.ts";
import { viaField, type FieldError } from "../../meta/field-error.ts";
import { Configuration } from "./configuration.types.ts";
import type { AdmissionContext } from "./context.ts";
import { labels } from "./labels.ts";
import { validateMetadata, validateOwnerLabel, validateUserAnnotations } from "./metadata.validation.ts";
import { validateNameChange, validateTemplate } from "./template.validation.ts";

/** What is wrong with the object, and with its change from `context.old`. Default it first. */
export function validateConfiguration(
  configuration: Configuration,
  { config, old }: AdmissionContext<Configuration>,
): FieldError[] {
  const shapeErrors = specErrors(Configuration, configuration);
  if (shapeErrors.length > 0) return shapeErrors;
  const { metadata } = configuration;
  const template = configuration.spec?.template ?? {};
  const errors = [
    ...validateMetadata(metadata),
    ...validateOwnerLabel(configuration, { label: labels.service, kind: "Service" }),
    ...viaField(validateTemplate(template, metadata, config), "spec.template"),
  ];
  if (old === undefined) return errors;
  return [
    ...errors,
    ...validateUserAnnotations(configuration, old),
    ...viaField(validateNameChange(template, old.spec.template ?? {}), "spec.template"),
  ];
}
