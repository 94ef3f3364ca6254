import type { JsonObject } from "../api-object.ts";
import { copyJson, equalJson, isRecord, listAt, setField } from "../api-object.ts";
import type { Field } from "../fields/message-types.ts";
import { badRequest } from "../status-error.ts";

// Strategic merge: as a merge patch, but lists whose items have an identity are merged item by item. Which field is the
// identity depends on the list; the table of fields knows.

/** The fields of the object that is patched; empty for what is no kind of the table, and for maps. */
export type Fields = ReadonlyMap<string, Field>;

const noFields: Fields = new Map();
const orderPrefix = "$setElementOrder/";
const deletePrefix = "$deleteFromPrimitiveList/";
const retainDirective = "$retainKeys";
const patchDirective = "$patch";

/** Applies a strategic merge patch to a copy. @throws StatusError 400 for a directive or item that makes no sense. */
export function applyStrategicMergePatch(target: unknown, patch: unknown, fields: Fields): unknown {
  if (!isRecord(patch)) throw badRequest("error decoding patch: a strategic merge patch must be an object");
  return mergeObject(isRecord(target) ? target : {}, patch, fields);
}

function mergeObject(target: JsonObject, patch: JsonObject, fields: Fields): JsonObject {
  const directive = patch[patchDirective] ?? "merge";
  if (directive === "replace") return withoutDirectives(patch);
  if (directive === "delete") return {};
  if (directive !== "merge") throw badRequest(`Unknown patch type ${JSON.stringify(directive)} found`);
  const merged: JsonObject = {};
  for (const [field, value] of Object.entries(target)) setField(merged, field, value);
  retainOnly(merged, patch[retainDirective]);
  deleteFromPrimitiveLists(merged, patch);
  for (const [field, value] of Object.entries(patch)) {
    if (field.startsWith("$")) continue;
    if (value === null) delete merged[field];
    else setField(merged, field, mergeField(ownValue(merged, field), value, fields.get(field)));
  }
  reorder(merged, patch, fields);
  return merged;
}

function mergeField(current: unknown, value: unknown, field: Field | undefined): unknown {
  if (Array.isArray(value)) return mergeList(current, value, field);
  if (isRecord(value)) return mergeObject(isRecord(current) ? current : {}, value, fieldsBelow(field));
  return value;
}

function ownValue(object: JsonObject, field: string): unknown {
  return Object.hasOwn(object, field) ? object[field] : undefined;
}

function fieldsBelow(field: Field | undefined): Fields {
  if (field === undefined || field.shape === "map" || typeof field.type === "string") return noFields;
  return field.type.byName;
}

function retainOnly(merged: JsonObject, retained: unknown): void {
  if (!Array.isArray(retained)) return;
  for (const field of Object.keys(merged)) if (!retained.includes(field)) delete merged[field];
}

function deleteFromPrimitiveLists(merged: JsonObject, patch: JsonObject): void {
  for (const [directive, values] of Object.entries(patch)) {
    if (!directive.startsWith(deletePrefix) || !Array.isArray(values)) continue;
    const field = directive.slice(deletePrefix.length);
    const current = merged[field];
    if (Array.isArray(current)) merged[field] = current.filter((item) => !values.includes(item));
  }
}

function mergeList(current: unknown, patch: readonly unknown[], field: Field | undefined): unknown[] {
  const existing: unknown[] = Array.isArray(current) ? current : [];
  if (field?.merge === undefined) return copyJson([...patch]);
  const key = field.merge.mergeKey;
  if (key === undefined) return [...existing, ...patch.filter((item) => !existing.includes(item))];
  if (patch.some((item) => isRecord(item) && item[patchDirective] === "replace")) {
    return patch.filter((item) => isRecord(item) && item[patchDirective] !== "replace").map((item) => copyJson(item));
  }
  const fields = fieldsBelow(field);
  return patch.reduce<unknown[]>((items, item) => mergeItem(items, item, { key, fields }), [...existing]);
}

function mergeItem(
  items: readonly unknown[],
  patch: unknown,
  { key, fields }: { key: string; fields: Fields },
): unknown[] {
  if (!isRecord(patch) || patch[key] === undefined) {
    throw badRequest(`map: ${JSON.stringify(patch)} does not contain declared merge key: ${key}`);
  }
  const isSame = (item: unknown): item is JsonObject => isRecord(item) && equalJson(item[key], patch[key]);
  if (patch[patchDirective] === "delete") return items.filter((item) => !isSame(item));
  if (!items.some(isSame)) return [...items, mergeObject({}, patch, fields)];
  return items.map((item) => (isSame(item) ? mergeObject(item, patch, fields) : item));
}

/** Brings merged lists into the order the client gave; items it does not know keep their place after those before them. */
function reorder(merged: JsonObject, patch: JsonObject, fields: Fields): void {
  for (const [directive, order] of Object.entries(patch)) {
    if (!directive.startsWith(orderPrefix) || !Array.isArray(order)) continue;
    const field = directive.slice(orderPrefix.length);
    const key = fields.get(field)?.merge?.mergeKey;
    const identity = (item: unknown): unknown => (key !== undefined && isRecord(item) ? item[key] : item);
    const wanted = order.map(identity);
    const items = listAt(merged, field);
    if (items.length > 0) merged[field] = inOrder(items, { identity, wanted });
  }
}

function inOrder(
  items: readonly unknown[],
  order: { identity: (item: unknown) => unknown; wanted: unknown[] },
): unknown[] {
  const rankOf = (item: unknown): number => order.wanted.findIndex((wanted) => equalJson(wanted, order.identity(item)));
  const listed = items.filter((item) => rankOf(item) >= 0).sort((a, b) => rankOf(a) - rankOf(b));
  return items.map((item) => (rankOf(item) >= 0 ? listed.shift() : item));
}

function withoutDirectives(patch: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(copyJson(patch)).filter(([field]) => !field.startsWith("$")));
}
