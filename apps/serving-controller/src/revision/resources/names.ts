import { childName } from "@kelvin/api";
import type { Revision } from "@kelvin/api/serving/v1";

/** Name of the Deployment that runs a Revision. */
export function deploymentName(revision: Revision): string {
  return childName(revision.metadata.name ?? "", "-deployment");
}

/** Name of the PodAutoscaler that scales a Revision: its own. */
export function podAutoscalerName(revision: Revision): string {
  return revision.metadata.name ?? "";
}
