import type { JsonObject } from "../api-object.ts";
import { copyJson, isRecord, setField } from "../api-object.ts";

/** RFC 7386: null deletes, objects merge, everything else replaces. */
export function applyMergePatch(target: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return copyJson(patch);
  const merged: JsonObject = {};
  if (isRecord(target)) for (const [field, value] of Object.entries(target)) setField(merged, field, value);
  for (const [field, value] of Object.entries(patch)) {
    if (value === null) delete merged[field];
    else setField(merged, field, applyMergePatch(Object.hasOwn(merged, field) ? merged[field] : undefined, value));
  }
  return merged;
}
