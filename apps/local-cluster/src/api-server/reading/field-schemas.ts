import type { JsonObject } from "../api-object.ts";
import type { Field, MessageType, ScalarType } from "../fields/message-types.ts";

// The OpenAPI schemas of the built-in kinds, from the table of fields: names, types and list types, without descriptions.

/** Adds the schemas of a type and of all that it refers to. */
export function addSchemas(schemas: JsonObject, type: MessageType): void {
  const name = componentName(type);
  if (schemas[name] !== undefined) return;
  schemas[name] = schemaOfType(type);
  for (const field of type.byName.values()) if (typeof field.type !== "string") addSchemas(schemas, field.type);
}

const longPackages: Readonly<Record<string, string>> = {
  v1: "io.k8s.api.core.v1",
  "meta.k8s.io/v1": "io.k8s.apimachinery.pkg.apis.meta.v1",
  "apiextensions.k8s.io/v1": "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1",
};

/** As upstream names it: `io.k8s.api.apps.v1.Deployment`. */
export function componentName({ apiVersion, name }: MessageType): string {
  const [group = "", version = ""] = apiVersion.split("/");
  return `${longPackages[apiVersion] ?? `io.k8s.api.${group.split(".")[0] ?? ""}.${version}`}.${name}`;
}

export function refTo(name: string): JsonObject {
  return { $ref: `#/components/schemas/${name}` };
}

function schemaOfType(type: MessageType): JsonObject {
  // Any of several forms: no type holds for all of them.
  if (type.json === "union") return {};
  if (type.json === "list") return { type: "array", items: { type: "string" } };
  const fields = [...type.byName];
  const required = fields.filter(([, field]) => field.isRequired && !field.isPointer).map(([name]) => name);
  return {
    type: "object",
    properties: Object.fromEntries(fields.map(([name, field]) => [name, schemaOfField(field)])) as JsonObject,
    ...(required.length > 0 && { required }),
    ...(type.isAtomic && { "x-kubernetes-map-type": "atomic" }),
  };
}

function schemaOfField(field: Field): JsonObject {
  const { type, shape } = field;
  if (shape === "list") return { type: "array", items: schemaOfItem(type), ...listMarkers(field) };
  const atomic = field.isAtomic ? { "x-kubernetes-map-type": "atomic" } : {};
  const strategy = field.retainsKeys ? { "x-kubernetes-patch-strategy": "retainKeys" } : {};
  if (shape === "map") return { type: "object", additionalProperties: schemaOfItem(type), ...atomic };
  const value = typeof type === "string" ? scalars[type] : { allOf: [refTo(componentName(type))] };
  return { ...value, ...(field.default !== undefined && { default: field.default }), ...atomic, ...strategy };
}

function schemaOfItem(type: Field["type"]): JsonObject {
  return typeof type === "string" ? { ...scalars[type] } : refTo(componentName(type));
}

function listMarkers({ listType, listMapKeys, merge, retainsKeys }: Field): JsonObject {
  return {
    ...(listType !== undefined && { "x-kubernetes-list-type": listType }),
    ...(listMapKeys.length > 0 && { "x-kubernetes-list-map-keys": listMapKeys }),
    ...(merge !== undefined && { "x-kubernetes-patch-strategy": retainsKeys ? "merge,retainKeys" : "merge" }),
    ...(merge?.mergeKey !== undefined && { "x-kubernetes-patch-merge-key": merge.mergeKey }),
  };
}

const scalars: Readonly<Record<ScalarType, JsonObject>> = {
  s: { type: "string" },
  b: { type: "boolean" },
  i: { type: "integer", format: "int32" },
  l: { type: "integer", format: "int64" },
  n: { type: "number", format: "double" },
  y: { type: "string", format: "byte" },
  q: { type: "string" },
  o: { type: "string", format: "int-or-string" },
  t: { type: "string", format: "date-time" },
  u: { type: "string", format: "date-time" },
  d: { type: "string" },
  r: { type: "object" },
};
