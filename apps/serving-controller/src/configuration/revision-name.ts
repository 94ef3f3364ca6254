import { isControlledBy } from "@kelvin/api";
import { labels, type Configuration, type Revision } from "@kelvin/api/serving/v1";
import { isSemanticallyEqual } from "@kelvin/kube";
import type { Reader } from "../reader.ts";

/**
 * Whether the Revision name that a template gives can stand for the template.
 * - `free`: none is given, or no such Revision exists yet
 * - `ours`: that Revision was made from this template, now or earlier
 * - `taken`: it belongs to someone else or holds something else
 */
export function checkRevisionName(
  configuration: Configuration,
  revisions: Reader<Revision>,
): "free" | "ours" | "taken" {
  const name = configuration.spec.template?.metadata?.name ?? "";
  if (name === "") return "free";
  const revision = revisions.get({ namespace: configuration.metadata.namespace ?? "", name });
  return revision === undefined ? "free" : checkNamedRevision(configuration, revision);
}

/** As `checkRevisionName`, for a Revision that has been read. */
export function checkNamedRevision(configuration: Configuration, revision: Revision): "ours" | "taken" {
  if (!isControlledBy(revision, configuration)) return "taken";
  const generation = String(configuration.metadata.generation ?? 0);
  if (revision.metadata.labels?.[labels.configurationGeneration] === generation) return "ours";
  // Labels and annotations may have been changed on the Revision since; the spec cannot.
  return isSemanticallyEqual(configuration.spec.template?.spec, revision.spec) ? "ours" : "taken";
}
