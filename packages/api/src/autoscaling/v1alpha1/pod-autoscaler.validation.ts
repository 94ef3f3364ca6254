import { specErrors } from "../../meta/schema-check.ts";
import { invalidValue, missingField, outOfBounds, viaField, type FieldError } from "../../meta/field-error.ts";
import { disallowedFields } from "../../meta/field-mask.ts";
import { validateObjectName } from "../../meta/object-meta.validation.ts";
import type { AdmissionContext } from "../../serving/v1/context.ts";
import { validateAutoscalingAnnotations } from "./annotations.validation.ts";
import { PodAutoscaler, type PodAutoscalerSpec, type ScaleTargetReference } from "./pod-autoscaler.types.ts";

/** What is wrong with the object. Default it first. */
export function validatePodAutoscaler(
  podAutoscaler: PodAutoscaler,
  { config }: AdmissionContext<PodAutoscaler>,
): FieldError[] {
  const shapeErrors = specErrors(PodAutoscaler, podAutoscaler);
  if (shapeErrors.length > 0) return shapeErrors;
  const { metadata, spec } = podAutoscaler;
  const scaling = validateAutoscalingAnnotations(metadata.annotations, config.autoscaler);
  const isEmpty = Object.keys(spec ?? {}).length === 0;
  return [
    ...viaField([...validateObjectName(metadata), ...viaField(scaling, "annotations")], "metadata"),
    ...(isEmpty ? [missingField("spec")] : viaField(validateSpec(spec, config.defaults), "spec")),
  ];
}

function validateSpec(
  { scaleTargetRef = {}, containerConcurrency = 0, protocolType = "" }: PodAutoscalerSpec,
  { containerConcurrencyMaxLimit: max }: { containerConcurrencyMaxLimit: number },
): FieldError[] {
  const errors = viaField(validateReference(scaleTargetRef), "scaleTargetRef");
  if (containerConcurrency < 0 || containerConcurrency > max) {
    errors.push(outOfBounds(containerConcurrency, { min: 0, max }, "containerConcurrency"));
  }
  if (protocolType === "") errors.push(missingField("protocolType"));
  else if (protocolType !== "http1" && protocolType !== "h2c") errors.push(invalidValue(protocolType, "protocolType"));
  return errors;
}

function validateReference(reference: ScaleTargetReference): FieldError[] {
  const missing = (["kind", "name", "apiVersion"] as const).filter((field) => (reference[field] ?? "") === "");
  const errors = disallowedFields(reference, ["kind", "name", "apiVersion"]);
  return missing.length === 0 ? errors : [...errors, missingField(...missing)];
}
