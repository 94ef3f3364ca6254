import { specErrors } from "../../meta/schema-check.ts";
import type { AdmissionContext } from "./context.ts";
import { Route, type TrafficTarget } from "./route.types.ts";
import { annotateUser, hasOwner } from "./user-info.ts";

/** Fills in what the author left out. Changes the object given; give it a copy. */
export function defaultRoute(route: Route, context: AdmissionContext<Route>): void {
  // The API server has not looked at its shape yet, and will say what is wrong with it better than a stack trace.
  if (specErrors(Route, route).length > 0) return;
  route.spec ??= {};
  defaultTraffic(route.spec.traffic);
  if (!hasOwner(route)) annotateUser(route, context);
}

/** Says of each target whether it follows the latest revision, in place. */
export function defaultTraffic(traffic: TrafficTarget[] | undefined): void {
  for (const target of traffic ?? []) target.latestRevision ??= (target.revisionName ?? "") === "";
}
