import { specErrors } from "../../meta/schema-check.ts";
import type { AdmissionContext } from "../../serving/v1/context.ts";
import { Ingress, type IngressPath } from "./ingress.types.ts";

/** Fills in what the author left out. Changes the object given; give it a copy. */
export function defaultIngress(ingress: Ingress, _context?: AdmissionContext<Ingress>): void {
  // The API server has not looked at its shape yet, and will say what is wrong with it better than a stack trace.
  if (specErrors(Ingress, ingress).length > 0) return;
  ingress.spec ??= {};
  for (const rule of ingress.spec.rules ?? []) {
    if ((rule.visibility ?? "") === "") rule.visibility = "ExternalIP";
    for (const path of rule.http?.paths ?? []) defaultSplits(path);
  }
}

// A lone backend gets everything.
function defaultSplits({ splits = [] }: IngressPath): void {
  const [only] = splits;
  if (splits.length === 1 && only !== undefined && (only.percent ?? 0) === 0) only.percent = 100;
}
