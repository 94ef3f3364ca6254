import { specErrors } from "../../meta/schema-check.ts";
import { disallowedField, viaField, type FieldError } from "../../meta/field-error.ts";
import { validateBuildRef } from "./build-ref.validation.ts";
import { Configuration } from "./configuration.types.ts";
import type { AdmissionContext } from "./context.ts";
import { annotations, labels } from "./labels.ts";
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
    ...validateOldBuild(configuration),
    ...validateOwnerLabel(configuration, { label: labels.service, kind: "Service" }),
    ...viaField(validateTemplate(template, metadata, config), "spec.template"),
    ...validateBuildRef(metadata, template),
  ];
  if (old === undefined) return errors;
  return [
    ...errors,
    ...validateUserAnnotations(configuration, old),
    ...viaField(validateNameChange(template, old.spec.template ?? {}), "spec.template"),
  ];
}

/** Until 0.6 a Configuration held a Build of its own; whoever still writes one is told where it went. */
function validateOldBuild({ spec }: Configuration): FieldError[] {
  if (spec?.build === undefined) return [];
  return [{ ...disallowedField("spec.build"), details: oldBuildDetails }];
}

const oldBuildDetails = `create a Build (build.knative.dev/v1alpha1) and name it in the annotation "${annotations.buildRef}" of the Service or Configuration`;
