import { isRecord, listAt, recordAt, type JsonObject } from "../api-object.ts";
import { kindTypeOf } from "../fields/kind-type-of.ts";
import { findKindType, type Field, type MessageType, type ScalarType } from "../fields/message-types.ts";
import type { Resource } from "../resource.ts";

/** What server-side apply has to know of a value: which parts of it may have owners of their own. */
export interface Shape {
  /** An object that has its owners as a whole. */
  readonly isAtomic: boolean;
  /** Absent: a list has its owners as a whole. */
  readonly list: ListShape | undefined;
  /** The shape of a field; `undefined` when there is no such field. */
  field(name: string): Shape | undefined;
}

/** A list whose items are told apart by fields of theirs, or (without keys) by their value. */
export interface ListShape {
  readonly keys: readonly string[];
  readonly item: Shape;
  readonly keyDefault: (key: string) => unknown;
}

const scalar: Shape = { isAtomic: true, list: undefined, field: () => undefined };
/** Where no schema says anything: objects by field, lists as a whole. */
const deduced: Shape = { isAtomic: false, list: undefined, field: () => deduced };

const shapes = new WeakMap<object, Shape>();

function remembered<T extends object>(key: T, make: (key: T) => Shape): Shape {
  const known = shapes.get(key);
  if (known !== undefined) return known;
  const made = make(key);
  shapes.set(key, made);
  return made;
}

/** The shape of a resource's objects. */
export function shapeOf(resource: Resource): Shape {
  const type = kindTypeOf(resource);
  if (type !== undefined) return shapeOfType(type);
  return remembered(resource, () =>
    shapeOfSchema({ ...resource.customSchema, "x-kubernetes-embedded-resource": true }),
  );
}

function shapeOfType(type: MessageType | ScalarType): Shape {
  if (typeof type !== "string") return remembered(type, makeTypeShape);
  return type === "r" ? deduced : scalar;
}

function makeTypeShape(type: MessageType): Shape {
  if (type.json !== "object") return type.json === "union" ? deduced : scalar;
  return {
    isAtomic: type.isAtomic,
    list: undefined,
    field(name) {
      const field = type.byName.get(name);
      if (field !== undefined) return remembered(field, makeFieldShape);
      return type.isKind && (name === "apiVersion" || name === "kind") ? scalar : undefined;
    },
  };
}

function makeFieldShape(field: Field): Shape {
  const { type, shape, isAtomic, listType, listMapKeys } = field;
  if (shape === "map") return { isAtomic, list: undefined, field: () => shapeOfType(type) };
  if (shape === "single") return isAtomic ? scalar : shapeOfType(type);
  if (listType === "atomic") return scalar;
  const keyDefault = (key: string): unknown => (typeof type === "string" ? undefined : type.byName.get(key)?.default);
  return {
    ...scalar,
    list: { keys: listMapKeys, keyDefault, item: shapeOfType(type) },
  };
}

function shapeOfSchema(schema: JsonObject): Shape {
  return remembered(schema, makeSchemaShape);
}

function makeSchemaShape(schema: JsonObject): Shape {
  const properties = recordAt(schema, "properties");
  const additional = schema["additionalProperties"];
  const isOpen = schema["x-kubernetes-preserve-unknown-fields"] === true || additional === true;
  const isEmbedded = schema["x-kubernetes-embedded-resource"] === true;
  return {
    isAtomic: schema["x-kubernetes-map-type"] === "atomic",
    list: listShapeOf(schema),
    field(name) {
      if (isEmbedded && name === "metadata") return metadataShape();
      if (isEmbedded && (name === "apiVersion" || name === "kind")) return scalar;
      const known = Object.hasOwn(properties, name) ? properties[name] : additional;
      if (isRecord(known)) return shapeOfSchema(known);
      return isOpen ? deduced : undefined;
    },
  };
}

function metadataShape(): Shape {
  const metadata = findKindType("v1", "ConfigMap")?.byName.get("metadata");
  return metadata === undefined ? deduced : remembered(metadata, makeFieldShape);
}

function listShapeOf(schema: JsonObject): ListShape | undefined {
  const listType = schema["x-kubernetes-list-type"];
  if (listType !== "map" && listType !== "set") return undefined;
  const items = recordAt(schema, "items");
  return {
    keys: listType === "map" ? listAt(schema, "x-kubernetes-list-map-keys").map(String) : [],
    item: listType === "map" ? shapeOfSchema(items) : scalar,
    keyDefault: (key) => recordAt(items, "properties", key)["default"],
  };
}
