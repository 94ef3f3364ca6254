import type { AdmissionContext } from "./context.ts";
import type { Route } from "./route.types.ts";

/** Fills in what the author left out. Changes the object given; give it a copy. */
export function defaultRoute(_object: Route, _context: AdmissionContext<Route>): void {}
