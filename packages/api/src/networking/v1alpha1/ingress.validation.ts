import type { FieldError } from "../../meta/field-error.ts";
import type { AdmissionContext } from "../../serving/v1/context.ts";
import type { Ingress } from "./ingress.types.ts";

/** What is wrong with the object. Default it first. */
export function validateIngress(_object: Ingress, _context: AdmissionContext<Ingress>): FieldError[] {
  return [];
}
