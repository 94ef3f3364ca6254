import type { AdmissionContext } from "./context.ts";
import type { Service } from "./service.types.ts";

/** Fills in what the author left out. Changes the object given; give it a copy. */
export function defaultService(_object: Service, _context: AdmissionContext<Service>): void {}
