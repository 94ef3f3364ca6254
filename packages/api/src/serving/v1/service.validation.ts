import { specErrors } from "../../meta/schema-check.ts";
import { viaField, type FieldError } from "../../meta/field-error.ts";
import type { AdmissionContext } from "./context.ts";
import { validateMetadata, validateRolloutDuration, validateUserAnnotations } from "./metadata.validation.ts";
import { validateBuildRef } from "./build-ref.validation.ts";
import { Service } from "./service.types.ts";
import { validateNameChange, validateTemplate } from "./template.validation.ts";
import { validateTraffic } from "./traffic.validation.ts";

/** What is wrong with the object, and with its change from `context.old`. Default it first. */
export function validateService(service: Service, { config, old }: AdmissionContext<Service>): FieldError[] {
  const shapeErrors = specErrors(Service, service);
  if (shapeErrors.length > 0) return shapeErrors;
  const { metadata } = service;
  const { template = {}, traffic = [] } = service.spec ?? {};
  const errors = [
    ...validateMetadata(metadata),
    ...validateRolloutDuration(metadata),
    ...viaField(validateTemplate(template, metadata, config), "spec.template"),
    ...validateBuildRef(metadata, template),
    ...viaField(validateTraffic(traffic, "Service"), "spec"),
  ];
  if (old === undefined) return errors;
  return [
    ...errors,
    ...validateUserAnnotations(service, old),
    ...viaField(validateNameChange(template, old.spec.template ?? {}), "spec.template"),
  ];
}
