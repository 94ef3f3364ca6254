import type { FieldError } from "../../meta/field-error.ts";
import type { AdmissionContext } from "./context.ts";
import type { Service } from "./service.types.ts";

/** What is wrong with the object, and with its change from `context.old`. Default it first. */
export function validateService(_object: Service, _context: AdmissionContext<Service>): FieldError[] {
  return [];
}
