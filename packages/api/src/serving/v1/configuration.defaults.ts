import type { AdmissionContext } from "./context.ts";
import type { Configuration } from "./configuration.types.ts";

/** Fills in what the author left out. Changes the object given; give it a copy. */
export function defaultConfiguration(_object: Configuration, _context: AdmissionContext<Configuration>): void {}
