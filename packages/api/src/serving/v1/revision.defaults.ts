import type { AdmissionContext } from "./context.ts";
import type { Revision } from "./revision.types.ts";

/** Fills in what the author left out. Changes the object given; give it a copy. */
export function defaultRevision(_object: Revision, _context: AdmissionContext<Revision>): void {}
