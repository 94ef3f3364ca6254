import { childName } from "@kelvin/api";
import type { Configuration } from "@kelvin/api/serving/v1";

/** Name of the Revision of a Configuration's current generation: the template's, or one that counts up. */
export function revisionName(configuration: Configuration): string {
  const given = configuration.spec.template?.metadata?.name;
  if (given !== undefined && given !== "") return given;
  const generation = String(configuration.metadata.generation ?? 0).padStart(5, "0");
  return childName(configuration.metadata.name ?? "", `-${generation}`);
}
