import { childName } from "@kelvin/api";
import type { Configuration } from "@kelvin/api/serving/v1";
import { createHash } from "node:crypto";
import type { BuiltImage } from "../../build-ref/resolve-build.ts";

/**
 * Name of the Revision of a Configuration's current generation: the template's, or one that counts up. Each image that
 * was built for one generation adds a mark of its own.
 */
export function revisionName(configuration: Configuration, built?: BuiltImage): string {
  const given = configuration.spec.template?.metadata?.name;
  if (given !== undefined && given !== "") return given;
  const generation = String(configuration.metadata.generation ?? 0).padStart(5, "0");
  return childName(configuration.metadata.name ?? "", `-${generation}${built === undefined ? "" : imageMark(built)}`);
}

function imageMark({ image }: BuiltImage): string {
  return `-${createHash("sha256").update(image).digest("hex").slice(0, 7)}`;
}
