import type { JsonObject } from "../api-object.ts";
import { copyJson, equalJson, isRecord, listAt, setField } from "../api-object.ts";
import { badRequest } from "../status-error.ts";

// Strategic merge: as a merge patch, but lists whose items have an identity are merged item by item. Which field is the
// identity depends on the list; the table below is upstream's for the kinds served here.

/** Lists merged by a field of their items, by the list's name. `ports` depends on where it stands. */
const mergeKeys: Readonly<Record<string, string>> = {
  containers: "name",
  initContainers: "name",
  ephemeralContainers: "name",
  env: "name",
  volumes: "name",
  volumeMounts: "mountPath",
  volumeDevices: "devicePath",
  imagePullSecrets: "name",
  secrets: "name",
  hostAliases: "ip",
  topologySpreadConstraints: "topologyKey",
  schedulingGates: "name",
  resourceClaims: "name",
  addresses: "type",
  conditions: "type",
  podIPs: "ip",
  webhooks: "name",
  ownerReferences: "uid",
};
/** Lists of plain values that merge as sets. */
const mergedPrimitives = new Set(["finalizers"]);
const orderPrefix = "$setElementOrder/";
const deletePrefix = "$deleteFromPrimitiveList/";
const retainDirective = "$retainKeys";
const patchDirective = "$patch";

/** Applies a strategic merge patch to a copy. @throws StatusError 400 for a directive or item that makes no sense. */
export function applyStrategicMergePatch(target: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) throw badRequest("error decoding patch: a strategic merge patch must be an object");
  return mergeObject(isRecord(target) ? target : {}, patch, "");
}

function mergeObject(target: JsonObject, patch: JsonObject, parent: string): JsonObject {
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
    else setField(merged, field, mergeField(merged, value, { field, parent }));
  }
  reorder(merged, patch, parent);
  return merged;
}

function mergeField(merged: JsonObject, value: unknown, place: ListPlace): unknown {
  const current = Object.hasOwn(merged, place.field) ? merged[place.field] : undefined;
  if (Array.isArray(value)) return mergeList(current, value, place);
  if (isRecord(value)) return mergeObject(isRecord(current) ? current : {}, value, place.field);
  return value;
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

interface ListPlace {
  readonly field: string;
  /** The field that holds the object the list is in. */
  readonly parent: string;
}

function mergeKeyOf({ field, parent }: ListPlace): string | undefined {
  if (field === "ports") return parent === "spec" ? "port" : isContainerList(parent) ? "containerPort" : undefined;
  return mergeKeys[field];
}

function isContainerList(field: string): boolean {
  return field === "containers" || field === "initContainers" || field === "ephemeralContainers";
}

function mergeList(current: unknown, patch: readonly unknown[], place: ListPlace): unknown[] {
  const existing: unknown[] = Array.isArray(current) ? current : [];
  if (mergedPrimitives.has(place.field)) return [...existing, ...patch.filter((item) => !existing.includes(item))];
  const key = mergeKeyOf(place);
  if (key === undefined) return copyJson([...patch]);
  if (patch.some((item) => isRecord(item) && item[patchDirective] === "replace")) {
    return patch.filter((item) => isRecord(item) && item[patchDirective] !== "replace").map((item) => copyJson(item));
  }
  return patch.reduce<unknown[]>((items, item) => mergeItem(items, item, { key, field: place.field }), [...existing]);
}

function mergeItem(
  items: readonly unknown[],
  patch: unknown,
  { key, field }: { key: string; field: string },
): unknown[] {
  if (!isRecord(patch) || patch[key] === undefined) {
    throw badRequest(`map: ${JSON.stringify(patch)} does not contain declared merge key: ${key}`);
  }
  const isSame = (item: unknown): item is JsonObject => isRecord(item) && equalJson(item[key], patch[key]);
  if (patch[patchDirective] === "delete") return items.filter((item) => !isSame(item));
  if (!items.some(isSame)) return [...items, mergeObject({}, patch, field)];
  return items.map((item) => (isSame(item) ? mergeObject(item, patch, field) : item));
}

/** Brings merged lists into the order the client gave; items it does not know keep their place after those before them. */
function reorder(merged: JsonObject, patch: JsonObject, parent: string): void {
  for (const [directive, order] of Object.entries(patch)) {
    if (!directive.startsWith(orderPrefix) || !Array.isArray(order)) continue;
    const field = directive.slice(orderPrefix.length);
    const key = mergeKeyOf({ field, parent });
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
