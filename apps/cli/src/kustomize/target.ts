import type { PatchTarget } from "./kustomization.ts";
import type { Manifest } from "./manifest.ts";

/** Whether a patch's target selects an object. Every field is a whole-string regular expression, as in kustomize. */
export function matchesTarget(manifest: Manifest, target: PatchTarget): boolean {
  const slash = manifest.apiVersion.indexOf("/");
  const group = slash < 0 ? "" : manifest.apiVersion.slice(0, slash);
  return (
    matches(target.group, group) &&
    matches(target.version, manifest.apiVersion.slice(slash + 1)) &&
    matches(target.kind, manifest.kind) &&
    matches(target.name, manifest.metadata.name) &&
    matches(target.namespace, manifest.metadata.namespace ?? "default") &&
    matchesLabels(target.labelSelector, manifest.metadata.labels ?? {})
  );
}

function matches(pattern: string | undefined, value: string): boolean {
  return pattern === undefined || new RegExp(`^(?:${pattern})$`).test(value);
}

/** Equality only: `key=value`, joined by commas. */
function matchesLabels(selector: string | undefined, labels: Record<string, string>): boolean {
  return (selector ?? "")
    .split(",")
    .filter((term) => term !== "")
    .every((term) => {
      const [key = "", value = ""] = term.split(/==?/);
      return labels[key.trim()] === value.trim();
    });
}
