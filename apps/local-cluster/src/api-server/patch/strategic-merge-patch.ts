import type { JsonObject } from "../api-object.ts";
import { copyJson, isRecord, listAt, setField } from "../api-object.ts";
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
  return mergeObject(recordOr(target), patch, fields);
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
  if (isRecord(value)) return mergeObject(recordOr(current), value, fieldsBelow(field));
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
  const kept = new Set<unknown>(retained);
  for (const field of Object.keys(merged)) if (!kept.has(field)) delete merged[field];
}

function deleteFromPrimitiveLists(merged: JsonObject, patch: JsonObject): void {
  for (const [directive, values] of Object.entries(patch)) {
    if (!directive.startsWith(deletePrefix) || !Array.isArray(values)) continue;
    const field = directive.slice(deletePrefix.length);
    const current = ownValue(merged, field);
    const deleted = new Set(values.map(identityText));
    if (Array.isArray(current))
      setField(
        merged,
        field,
        current.filter((item) => !deleted.has(identityText(item))),
      );
  }
}

function mergeList(current: unknown, patch: readonly unknown[], field: Field | undefined): unknown[] {
  const existing: unknown[] = Array.isArray(current) ? current : [];
  if (field?.merge === undefined) return copyJson([...patch]);
  const key = field.merge.mergeKey;
  if (key === undefined) {
    const known = new Set(existing.map(identityText));
    return [...existing, ...copyJson(patch.filter((item) => !known.has(identityText(item))))];
  }
  if (patch.some((item) => isRecord(item) && item[patchDirective] === "replace")) {
    return patch.filter((item) => isRecord(item) && item[patchDirective] !== "replace").map((item) => copyJson(item));
  }
  const fields = fieldsBelow(field);
  return mergeItems(existing, patch, { key, fields });
}

const gone = Symbol("an item that was deleted");

interface ItemMerge {
  readonly key: string;
  readonly fields: Fields;
}

function mergeItems(existing: readonly unknown[], patch: readonly unknown[], { key, fields }: ItemMerge): unknown[] {
  const items: unknown[] = [...existing];
  const placesOf = new Map<string, number[]>();
  for (const [place, item] of existing.entries()) {
    if (!isRecord(item)) continue;
    const identity = identityText(item[key]);
    placesOf.set(identity, [...(placesOf.get(identity) ?? []), place]);
  }
  for (const item of patch) {
    if (!isRecord(item) || ownValue(item, key) === undefined) {
      throw badRequest(`map: ${JSON.stringify(item)} does not contain declared merge key: ${key}`);
    }
    const identity = identityText(item[key]);
    const places = placesOf.get(identity) ?? [];
    if (item[patchDirective] === "delete") {
      for (const place of places) items[place] = gone;
      placesOf.delete(identity);
    } else if (places.length === 0) {
      placesOf.set(identity, [items.push(mergeObject({}, item, fields)) - 1]);
    } else for (const place of places) items[place] = mergeObject(recordOr(items[place]), item, fields);
  }
  return items.filter((item) => item !== gone);
}

function recordOr(value: unknown): JsonObject {
  return isRecord(value) ? value : {};
}

/** Equal for equal identities; those are strings or numbers wherever a list has items to merge. */
function identityText(identity: unknown): string {
  return JSON.stringify(identity) ?? "";
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
    if (items.length > 0) setField(merged, field, inOrder(items, { identity, wanted }));
  }
}

function inOrder(
  items: readonly unknown[],
  order: { identity: (item: unknown) => unknown; wanted: unknown[] },
): unknown[] {
  const ranks = new Map(order.wanted.map((wanted, rank) => [identityText(wanted), rank]));
  const ranked = items.map((item) => ({ item, rank: ranks.get(identityText(order.identity(item))) ?? -1 }));
  const listed = ranked.filter(({ rank }) => rank >= 0).sort((a, b) => a.rank - b.rank);
  let next = 0;
  return ranked.map(({ item, rank }) => (rank >= 0 ? listed[next++]?.item : item));
}

function withoutDirectives(patch: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(copyJson(patch)).filter(([field]) => !field.startsWith("$")));
}
