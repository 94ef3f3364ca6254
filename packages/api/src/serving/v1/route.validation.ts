import type { FieldError } from "../../meta/field-error.ts";
import type { AdmissionContext } from "./context.ts";
import type { Route } from "./route.types.ts";

/** What is wrong with the object, and with its change from `context.old`. Default it first. */
export function validateRoute(_object: Route, _context: AdmissionContext<Route>): FieldError[] {
  return [];
}
