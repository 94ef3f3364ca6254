import type { ApiObject } from "../api-object.ts";
import { kindTypeOf } from "../fields/kind-type-of.ts";
import { applyJsonPatch } from "../patch/json-patch.ts";
import { applyMergePatch } from "../patch/merge-patch.ts";
import { applyStrategicMergePatch, type Fields } from "../patch/strategic-merge-patch.ts";
import { unsupportedMediaType } from "../status-error.ts";
import type { Registry, WriteRequest } from "./request.ts";
import { updateObject } from "./update.ts";

export type PatchType = "json" | "merge" | "strategic";

export const patchTypes: ReadonlyMap<string, PatchType> = new Map([
  ["application/json-patch+json", "json"],
  ["application/merge-patch+json", "merge"],
  ["application/strategic-merge-patch+json", "strategic"],
]);

/** Changes an object by a patch; made anew from what is stored when somebody else writes in between. */
export async function patchObject(
  registry: Registry,
  request: WriteRequest,
  { name, type, patch }: { name: string; type: PatchType; patch: unknown },
): Promise<ApiObject> {
  if (type === "strategic" && request.resource.isCustom) {
    throw unsupportedMediaType([
      "application/json-patch+json",
      "application/merge-patch+json",
      "application/apply-patch+yaml",
    ]);
  }
  const fields = type === "strategic" ? kindTypeOf(request.resource)?.byName : undefined;
  return updateObject(registry, request, {
    name,
    isReplace: false,
    produce: (current) => applyPatch(type, current, { patch, fields }),
  });
}

export function applyPatch(
  type: PatchType,
  current: unknown,
  { patch, fields = new Map() }: { patch: unknown; fields?: Fields | undefined },
): unknown {
  switch (type) {
    case "json":
      return applyJsonPatch(current, patch);
    case "merge":
      return applyMergePatch(current, patch);
    case "strategic":
      return applyStrategicMergePatch(current, patch, fields);
  }
}
