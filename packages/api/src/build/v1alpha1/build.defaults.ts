import { formatDuration, parseDuration } from "../../meta/duration.ts";
import { specErrors } from "../../meta/schema-check.ts";
import { Build, type BuildSpec } from "./build.types.ts";

/** How long a Build may take unless it says otherwise. */
export const timeoutDefaultMs = 600_000;

/** How long a Build may take at most. */
export const timeoutMaxMs = 24 * 3_600_000;

/** The ServiceAccount of Builds that name none. */
export const serviceAccountDefault = "default";

/** Fills in what is absent, and stores `Status` in its one spelling. Changes the object given; give it a copy. */
export function defaultBuild(build: Build): void {
  // The API server has not looked at its shape yet, and will say what is wrong with it better than a stack trace.
  if (specErrors(Build, build).length > 0) return;
  const spec = (build.spec ??= {});
  if ((spec.serviceAccountName ?? "") === "") spec.serviceAccountName = serviceAccountDefault;
  spec.timeout = normalTimeout(spec.timeout);
  if (spec.template !== undefined && (spec.template.kind ?? "") === "") spec.template.kind = "BuildTemplate";
  // Whoever patches in lower case means it, though the stored object has the other spelling too.
  spec.Status = spec.status ?? spec.Status ?? "";
  delete spec.status;
}

/** What `spec.timeout` comes to; the default where there is none or none that can be read. */
export function timeoutMsOf(spec: BuildSpec): number {
  try {
    return parseDuration(spec.timeout ?? "") || 0;
  } catch {
    // Refused by admission; an object stored before that existed gets the default.
    return timeoutDefaultMs;
  }
}

// Go writes back what it has read in its own form, and clients compare.
function normalTimeout(timeout: string | undefined): string {
  if (timeout === undefined || timeout === "") return formatDuration(timeoutDefaultMs);
  try {
    return formatDuration(parseDuration(timeout));
  } catch {
    // Validation tells of it.
    return timeout;
  }
}
