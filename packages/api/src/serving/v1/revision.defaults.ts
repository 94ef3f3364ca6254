import { specErrors } from "../../meta/schema-check.ts";
import type { AdmissionContext } from "./context.ts";
import { Revision } from "./revision.types.ts";
import { defaultRevisionSpec } from "./template.defaults.ts";

/** Fills in what the author left out, on create only: later the spec is immutable. Changes the object given; give it a copy. */
export function defaultRevision(revision: Revision, context: AdmissionContext<Revision>): void {
  if (context.old !== undefined) return;
  // The API server has not looked at its shape yet, and will say what is wrong with it better than a stack trace.
  if (specErrors(Revision, revision).length > 0) return;
  revision.spec ??= {};
  defaultRevisionSpec(revision.spec, {
    config: context.config,
    parent: revision.metadata,
    isCreate: context.userInfo !== undefined,
  });
}
