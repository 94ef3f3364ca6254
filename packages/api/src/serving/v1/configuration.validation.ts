import type { FieldError } from "../../meta/field-error.ts";
import type { AdmissionContext } from "./context.ts";
import type { Configuration } from "./configuration.types.ts";

/** What is wrong with the object, and with its change from `context.old`. Default it first. */
export function validateConfiguration(_object: Configuration, _context: AdmissionContext<Configuration>): FieldError[] {
  return [];
}
