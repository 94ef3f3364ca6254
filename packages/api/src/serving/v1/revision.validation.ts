import type { FieldError } from "../../meta/field-error.ts";
import type { AdmissionContext } from "./context.ts";
import type { Revision } from "./revision.types.ts";

/** What is wrong with the object, and with its change from `context.old`. Default it first. */
export function validateRevision(_object: Revision, _context: AdmissionContext<Revision>): FieldError[] {
  return [];
}
