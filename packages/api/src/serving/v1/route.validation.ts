import { specErrors } from "../../meta/schema-check.ts";
import { viaField, type FieldError } from "../../meta/field-error.ts";
import type { AdmissionContext } from "./context.ts";
import { labels } from "./labels.ts";
import {
  validateMetadata,
  validateOwnerLabel,
  validateRolloutDuration,
  validateUserAnnotations,
} from "./metadata.validation.ts";
import { Route } from "./route.types.ts";
import { validateTraffic } from "./traffic.validation.ts";

/** What is wrong with the object, and with its change from `context.old`. Default it first. */
export function validateRoute(route: Route, { old }: AdmissionContext<Route>): FieldError[] {
  const shapeErrors = specErrors(Route, route);
  if (shapeErrors.length > 0) return shapeErrors;
  return [
    ...validateMetadata(route.metadata),
    ...validateRolloutDuration(route.metadata),
    ...validateOwnerLabel(route, { label: labels.service, kind: "Service" }),
    ...viaField(validateTraffic(route.spec?.traffic ?? [], "Route"), "spec"),
    ...(old === undefined ? [] : validateUserAnnotations(route, old)),
  ];
}
