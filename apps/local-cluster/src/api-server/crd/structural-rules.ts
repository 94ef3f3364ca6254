import type { JsonObject } from "../api-object.ts";
import { copyJson, equalJson, isRecord, listAt, recordAt } from "../api-object.ts";
import { forbiddenField, invalidValue, notSupported, required } from "../field-cause.ts";
import type { StatusCause } from "../status-error.ts";
import { validateSchema } from "./schema-validation.ts";
import { applyDefaults, pruneUnknown } from "./structural.ts";

// What Kubernetes asks of the schema in a CustomResourceDefinition: that it is structural, so that every field has one type in
// one place, and that it says what it can keep. Pruning, defaulting and server-side apply rely on all of it.

const causesMax = 50;

interface Place {
  readonly schema: JsonObject;
  readonly path: string;
  /** How the place is called where its type is missing. */
  readonly role: "at the root" | "for specified object fields" | "for specified array items";
}

interface Found {
  readonly causes: StatusCause[];
}

/** All that keeps a schema from being structural; `path` is where it stands in the definition. */
export function validateStructure(schema: JsonObject, path: string): StatusCause[] {
  const found: Found = { causes: [] };
  checkPlace({ schema, path, role: "at the root" }, found);
  checkRootMetadata(schema, path, found);
  return found.causes.slice(0, causesMax);
}

function checkPlace(place: Place, found: Found): void {
  if (found.causes.length >= causesMax) return;
  checkTypes(place, found);
  checkExtensions(place, found);
  checkUnsupported(place, found);
  checkListType(place, found);
  checkLists(place, found);
  checkPattern(place, found);
  checkDefault(place, found);
  for (const name of logicalNames) {
    for (const [index, part] of listAt(place.schema, name).entries()) {
      if (isRecord(part))
        checkLogical(part, { path: `${place.path}.${name}[${index}]`, isTyped: isIntOrString(place) }, found);
    }
  }
  const { not } = place.schema;
  if (isRecord(not)) checkLogical(not, { path: `${place.path}.not`, isTyped: false }, found);
  checkChildren(place, found);
}

const logicalNames = ["allOf", "anyOf", "oneOf"] as const;

function checkChildren({ schema, path }: Place, found: Found): void {
  for (const [name, child] of Object.entries(recordAt(schema, "properties"))) {
    if (!isRecord(child)) continue;
    checkPlace({ schema: child, path: `${path}.properties[${name}]`, role: "for specified object fields" }, found);
  }
  const { items, additionalProperties } = schema;
  if (isRecord(items)) checkPlace({ schema: items, path: `${path}.items`, role: "for specified array items" }, found);
  if (isRecord(additionalProperties)) {
    const child = { schema: additionalProperties, path: `${path}.additionalProperties` };
    checkPlace({ ...child, role: "for specified object fields" }, found);
  }
}

const typeNames: readonly unknown[] = ["array", "boolean", "integer", "number", "object", "string"];

function isIntOrString({ schema }: Place): boolean {
  return schema["x-kubernetes-int-or-string"] === true;
}

function checkTypes(place: Place, { causes }: Found): void {
  const { schema, path, role } = place;
  const type = schema["type"] ?? "";
  const isOpen = schema["x-kubernetes-preserve-unknown-fields"] === true;
  if (type !== "" && !typeNames.includes(type)) causes.push(notSupported(`${path}.type`, type, typeNames));
  if (isIntOrString(place)) {
    if (type !== "") causes.push(forbiddenField(`${path}.type`, "must be empty if x-kubernetes-int-or-string is true"));
  } else if (type === "" && (!isOpen || role === "at the root")) {
    causes.push(required(`${path}.type`, `must not be empty ${role}`));
  } else if (role === "at the root" && type !== "object") {
    causes.push(invalidValue(`${path}.type`, type, "must be object at the root"));
  }
}

function checkExtensions({ schema, path }: Place, { causes }: Found): void {
  const { type = "" } = schema;
  if (schema["x-kubernetes-embedded-resource"] === true && type !== "object") {
    causes.push(invalidValue(`${path}.type`, type, "must be object if x-kubernetes-embedded-resource is true"));
  }
  if (schema["x-kubernetes-preserve-unknown-fields"] === false) {
    causes.push(invalidValue(`${path}.x-kubernetes-preserve-unknown-fields`, false, "must be true or undefined"));
  }
}

const unsupportedNames = ["$ref", "additionalItems", "definitions", "dependencies", "id", "patternProperties"];

function checkUnsupported({ schema, path }: Place, { causes }: Found): void {
  for (const name of unsupportedNames) {
    if (schema[name] !== undefined) causes.push(forbiddenField(`${path}.${name}`, `${name} is not supported`));
  }
  if (schema["uniqueItems"] === true) {
    const detail = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic";
    causes.push(forbiddenField(`${path}.uniqueItems`, detail));
  }
  const { additionalProperties, properties } = schema;
  if (additionalProperties === false) {
    const detail = "additionalProperties cannot be set to false";
    causes.push(forbiddenField(`${path}.additionalProperties`, detail));
  } else if (additionalProperties !== undefined && Object.keys(recordAt(properties)).length > 0) {
    const detail = "additionalProperties and properties are mutual exclusive";
    causes.push(forbiddenField(`${path}.additionalProperties`, detail));
  }
}

const listTypes: readonly unknown[] = ["atomic", "map", "set"];
const mapTypes: readonly unknown[] = ["atomic", "granular"];

function checkListType({ schema, path }: Place, { causes }: Found): void {
  const { type = "" } = schema;
  const listType = schema["x-kubernetes-list-type"];
  const mapType = schema["x-kubernetes-map-type"];
  if (listType !== undefined && !listTypes.includes(listType)) {
    causes.push(notSupported(`${path}.x-kubernetes-list-type`, listType, listTypes));
  }
  if (listType !== undefined && type !== "array") {
    causes.push(invalidValue(`${path}.type`, type, "must be array if x-kubernetes-list-type is specified"));
  }
  if (mapType !== undefined && !mapTypes.includes(mapType)) {
    causes.push(notSupported(`${path}.x-kubernetes-map-type`, mapType, mapTypes));
  }
  if (mapType !== undefined && type !== "object") {
    causes.push(invalidValue(`${path}.type`, type, "must be object if x-kubernetes-map-type is specified"));
  }
}

function checkLists({ schema, path }: Place, { causes }: Found): void {
  const { items, type } = schema;
  if (type === "array" && items === undefined) causes.push(required(`${path}.items`, "must be specified"));
  if (Array.isArray(items)) {
    causes.push(forbiddenField(`${path}.items`, "items must be a schema object and not an array"));
  }
  const listType = schema["x-kubernetes-list-type"];
  const keys = listAt(schema, "x-kubernetes-list-map-keys").map(String);
  const at = `${path}.x-kubernetes-list-map-keys`;
  if (listType !== "map") {
    const detail = "must be map if x-kubernetes-list-map-keys is non-empty";
    if (keys.length > 0) causes.push(invalidValue(`${path}.x-kubernetes-list-type`, listType ?? "", detail));
  } else if (keys.length === 0) causes.push(required(at, "must not be empty if x-kubernetes-list-type is map"));
  else checkKeys(recordAt(items), { keys, path: `${path}.items` }, causes);
  if (listType === "set" && isRecord(items) && items["nullable"] === true) {
    causes.push(forbiddenField(`${path}.items.nullable`, "cannot be nullable when x-kubernetes-list-type is set"));
  }
}

interface Keys {
  readonly keys: readonly string[];
  readonly path: string;
}

function checkKeys(items: JsonObject, { keys, path }: Keys, causes: StatusCause[]): void {
  if (items["type"] !== "object") {
    const detail = "must be object if parent array's x-kubernetes-list-type is map";
    causes.push(invalidValue(`${path}.type`, items["type"] ?? "", detail));
  }
  const properties = recordAt(items, "properties");
  const needed = listAt(items, "required");
  for (const key of keys) {
    const property = properties[key];
    if (!isRecord(property)) {
      const detail = "entries in x-kubernetes-list-map-keys must all be names of item properties";
      causes.push(invalidValue(`${path}.properties`, key, detail));
      continue;
    }
    if (["array", "object"].includes(String(property["type"]))) {
      const detail = "must be a scalar type if parent array's x-kubernetes-list-type is map";
      causes.push(invalidValue(`${path}.properties[${key}].type`, property["type"], detail));
    }
    if (!needed.includes(key) && property["default"] === undefined) {
      const detail =
        "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property";
      causes.push(required(`${path}.properties[${key}].default`, detail));
    }
  }
}

function checkPattern({ schema, path }: Place, { causes }: Found): void {
  const { pattern } = schema;
  if (typeof pattern !== "string") return;
  try {
    RegExp(pattern, "u");
  } catch {
    // Go's own syntax, such as (?i), is for Go to judge.
    if (!/\(\?|\\[pPAzQ]/.test(pattern)) {
      causes.push(invalidValue(`${path}.pattern`, pattern, "must be a valid regular expression, but isn't"));
    }
  }
}

function checkDefault({ schema, path }: Place, { causes }: Found): void {
  const { default: given } = schema;
  if (given === undefined) return;
  const filled = copyJson(given);
  applyDefaults(filled, schema);
  for (const cause of validateSchema(filled, schema, `${path}.default`)) causes.push(cause);
  if (!isRecord(filled) || schema["x-kubernetes-preserve-unknown-fields"] === true) return;
  const pruned = copyJson(filled);
  pruneUnknown(pruned, schema, () => undefined);
  if (!equalJson(pruned, filled)) {
    causes.push(invalidValue(`${path}.default`, given, "must not have unknown fields"));
  }
}

// Keywords that say what is stored; within allOf and its like only what is allowed may be said.
const storedNames = [
  "additionalProperties",
  "default",
  "description",
  "nullable",
  "title",
  "type",
  "x-kubernetes-embedded-resource",
  "x-kubernetes-int-or-string",
  "x-kubernetes-list-map-keys",
  "x-kubernetes-list-type",
  "x-kubernetes-map-type",
  "x-kubernetes-preserve-unknown-fields",
];

function checkLogical(schema: JsonObject, { path, isTyped }: { path: string; isTyped: boolean }, found: Found): void {
  for (const name of storedNames) {
    // An int-or-string repeats its two types.
    if (name === "type" && isTyped) continue;
    const value = schema[name];
    if (value === undefined || value === false || value === "") continue;
    found.causes.push(forbiddenField(`${path}.${name}`, "must be empty to be structural"));
  }
  for (const [name, child] of Object.entries(recordAt(schema, "properties"))) {
    if (isRecord(child)) checkLogical(child, { path: `${path}.properties[${name}]`, isTyped: false }, found);
  }
  if (isRecord(schema["items"])) checkLogical(schema["items"], { path: `${path}.items`, isTyped: false }, found);
}

function checkRootMetadata(schema: JsonObject, path: string, { causes }: Found): void {
  const { properties, ...rest } = recordAt(schema, "properties", "metadata");
  const others = Object.keys(rest).filter((name) => name !== "type" && name !== "description");
  const fields = Object.keys(recordAt(properties)).filter((name) => name !== "name" && name !== "generateName");
  if (others.length + fields.length === 0) return;
  const detail = "must not specify anything other than name and generateName, but metadata is implicitly specified";
  causes.push(forbiddenField(`${path}.properties[metadata]`, detail));
}
