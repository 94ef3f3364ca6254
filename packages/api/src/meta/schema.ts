import type {
  Static,
  TArray,
  TBoolean,
  TInteger,
  TNumber,
  TObject,
  TOptional,
  TProperties,
  TSchema,
  TString,
  TUnsafe,
} from "typebox";

// The few TypeBox constructors that our kinds use, made here rather than imported: loading TypeBox costs about 200 ms and
// 20 MB a process, and the values are plain JSON Schema. Types, `Static` and every TypeBox tool work on them unchanged
// (schema.test.ts compares the two). All of them have a legal form in a CustomResourceDefinition.

export type { Static, TSchema } from "typebox";

/** Keywords that any of our schemas may carry; `description` is what users read in `kubectl explain`. */
export interface SchemaOptions {
  description?: string;
  pattern?: string;
  format?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  minItems?: number;
  maxItems?: number;
  minProperties?: number;
  maxProperties?: number;
  /** What the API server fills in. Only where it has to know it, as for the key of a list's items; all other defaults are admission's. */
  default?: string;
  /** An object that server-side apply sets as a whole. Default: field by field. */
  "x-kubernetes-map-type"?: "atomic";
}

/** The schema constructors; the same names and results as TypeBox's. */
export const Type = {
  /** An object. Properties not wrapped in `Optional` are required. */
  Object<P extends TProperties>(properties: P, options: SchemaOptions = {}): TObject<P> {
    const requiredNames = Object.keys(properties).filter((name) => !isOptional(properties[name]));
    const required = requiredNames.length > 0 ? { required: requiredNames } : {};
    return schema("Object", { type: "object", ...required, properties, ...options });
  },
  /** A list that server-side apply sets as a whole; see `KeyedList` for the other kind. */
  Array<T extends TSchema>(items: T, options: SchemaOptions = {}): TArray<T> {
    return schema("Array", { type: "array", items, ...options });
  },
  String(options: SchemaOptions = {}): TString {
    return schema("String", { type: "string", ...options });
  },
  Boolean(options: SchemaOptions = {}): TBoolean {
    return schema("Boolean", { type: "boolean", ...options });
  },
  /** A whole number. `format` defaults to none; pass `int32` or `int64` as Kubernetes does. */
  Integer(options: SchemaOptions = {}): TInteger {
    return schema("Integer", { type: "integer", ...options });
  },
  Number(options: SchemaOptions = {}): TNumber {
    return schema("Number", { type: "number", ...options });
  },
  /** Marks a property as one that may be absent. There is no `null`. */
  Optional<T extends TSchema>(type: T): TOptional<T> {
    // A copy, because the same schema may be required elsewhere. Hidden properties must be carried over by hand.
    const copy = Object.defineProperties({}, Object.getOwnPropertyDescriptors(type));
    return hide(copy, "~optional", true) as TOptional<T>;
  },
} as const;

/** One of a fixed set of strings. */
export function StringEnum<const Values extends readonly string[]>(
  values: Values,
  options: SchemaOptions = {},
): TUnsafe<Values[number]> {
  return unsafe({ type: "string", enum: [...values], ...options });
}

/**
 * A list whose items are told apart by one field, so that several writers may each apply items of their own. The API server
 * refuses two items with the same key, and an item without one unless the field has a `default`; before that it may be absent.
 */
export function KeyedList<T extends TSchema>(items: T, key: string, options: SchemaOptions = {}): TArray<T> {
  const markers = { "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [key] };
  return schema("Array", { type: "array", items, ...options, ...markers });
}

/** An object with arbitrary keys whose values all match `values`. */
export function MapOf<T extends TSchema>(values: T, options: SchemaOptions = {}): TUnsafe<Record<string, Static<T>>> {
  return unsafe({ type: "object", additionalProperties: values, ...options });
}

/** An object that is stored as given: its shape is checked elsewhere or is not ours. `properties` only documents. */
export function Preserved<T = Record<string, unknown>>(
  options: SchemaOptions = {},
  properties?: Record<string, TSchema>,
): TUnsafe<T> {
  const documented = properties === undefined ? {} : { properties };
  return unsafe({ type: "object", ...documented, "x-kubernetes-preserve-unknown-fields": true, ...options });
}

/** Any JSON value, stored as given. */
export function AnyValue<T = unknown>(options: SchemaOptions = {}): TUnsafe<T> {
  return unsafe({ "x-kubernetes-preserve-unknown-fields": true, ...options });
}

/** A number or a string, such as a port given by number or by name. */
export function IntOrString(options: SchemaOptions = {}): TUnsafe<number | string> {
  return unsafe({ anyOf: [{ type: "integer" }, { type: "string" }], "x-kubernetes-int-or-string": true, ...options });
}

/** A text that may be absent. */
export function optionalText(description: string): TOptional<TString> {
  return Type.Optional(Type.String({ description }));
}

/** The same schema with a description for the place where it is used. */
export function described<T extends TSchema>(type: T, description: string): T {
  const copy: object = Object.defineProperties({}, Object.getOwnPropertyDescriptors(type));
  Object.assign(copy, { description });
  return copy as T;
}

function schema<T>(kind: string, keywords: object): T {
  return hide(keywords, "~kind", kind) as T;
}

function unsafe<T>(keywords: object): TUnsafe<T> {
  return hide(keywords, "~unsafe", null) as TUnsafe<T>;
}

// TypeBox keeps its own marks out of sight of JSON, so do we.
function hide(target: object, name: string, value: unknown): object {
  return Object.defineProperty(target, name, { configurable: true, writable: true, enumerable: false, value });
}

function isOptional(type: TSchema | undefined): boolean {
  return type !== undefined && "~optional" in type;
}
