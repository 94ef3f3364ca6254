import type { FieldError } from "../../meta/field-error.ts";
import type { AdmissionContext } from "../../serving/v1/context.ts";
import type { PodAutoscaler } from "./pod-autoscaler.types.ts";

/** What is wrong with the object. Default it first. */
export function validatePodAutoscaler(_object: PodAutoscaler, _context: AdmissionContext<PodAutoscaler>): FieldError[] {
  return [];
}
