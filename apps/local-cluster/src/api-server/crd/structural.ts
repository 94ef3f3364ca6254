import type { JsonObject } from "../api-object.ts";
import { copyJson, isRecord, recordAt, setField } from "../api-object.ts";

// What a structural schema does to an object before it is validated: fields it does not name go, absent ones get defaults.
// Schemas are OpenAPI v3 as CustomResourceDefinitions carry them.

const preservesUnknown = "x-kubernetes-preserve-unknown-fields";
const embeddedFields = new Set(["apiVersion", "kind", "metadata"]);

/** Removes, in place, what the schema does not name; reports each removed field's path. */
export function pruneUnknown(object: JsonObject, schema: JsonObject, report: (path: string) => void): void {
  pruneObject(object, { schema: { ...schema, "x-kubernetes-embedded-resource": true }, path: "", report });
}

interface Pruning {
  readonly schema: JsonObject;
  readonly path: string;
  readonly report: (path: string) => void;
}

function prune(value: unknown, pruning: Pruning): void {
  if (Array.isArray(value)) {
    const items = pruning.schema["items"];
    if (!isRecord(items)) return;
    for (const [index, item] of value.entries()) {
      prune(item, { ...pruning, schema: items, path: `${pruning.path}[${index}]` });
    }
  } else if (isRecord(value)) {
    pruneObject(value, pruning);
  }
}

function pruneObject(object: JsonObject, { schema, path, report }: Pruning): void {
  const properties = recordAt(schema, "properties");
  const additional = schema["additionalProperties"];
  const isOpen = schema[preservesUnknown] === true || additional === true;
  const isEmbedded = schema["x-kubernetes-embedded-resource"] === true;
  for (const field of Object.keys(object)) {
    const at = path === "" ? field : `${path}.${field}`;
    if (isEmbedded && embeddedFields.has(field)) continue;
    const known = Object.hasOwn(properties, field) ? properties[field] : additional;
    if (isRecord(known)) prune(object[field], { schema: known, path: at, report });
    else if (!isOpen) {
      delete object[field];
      report(at);
    }
  }
}

/** Fills absent fields, in place, with the schema's defaults. A null where null is not allowed counts as absent. */
export function applyDefaults(value: unknown, schema: JsonObject): void {
  if (Array.isArray(value)) {
    const items = schema["items"];
    if (isRecord(items)) for (const item of value) applyDefaults(item, items);
    return;
  }
  if (!isRecord(value)) return;
  const properties = recordAt(schema, "properties");
  for (const [field, property] of Object.entries(properties)) {
    if (isRecord(property)) defaultProperty(value, field, property);
  }
  const additional = schema["additionalProperties"];
  if (!isRecord(additional)) return;
  for (const field of Object.keys(value)) {
    if (!Object.hasOwn(properties, field)) applyDefaults(value[field], additional);
  }
}

function defaultProperty(object: JsonObject, field: string, property: JsonObject): void {
  const current = object[field];
  const isMissing = current === undefined || (current === null && property["nullable"] !== true);
  if (isMissing && property["default"] !== undefined) setField(object, field, copyJson(property["default"]));
  if (object[field] !== undefined) applyDefaults(object[field], property);
}
