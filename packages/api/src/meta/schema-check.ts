import { fieldError, invalidValue, missingField, outOfBounds, viaField, type FieldError } from "./field-error.ts";
import type { TSchema } from "./schema.ts";

// Checks values against the few keywords that our schemas use. It exists because defaults run before the API server has
// looked at an object's shape, and because a compiling validator costs more at start than it ever saves here.

const errorsMax = 20;

interface Keywords {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Keywords>>;
  readonly additionalProperties?: Keywords | boolean;
  readonly items?: Keywords;
  readonly anyOf?: readonly Keywords[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
}

/**
 * Where a value does not have the shape that the schema asks for; unknown fields are no error. At most 20 errors, with
 * paths relative to the value.
 */
export function schemaErrors(schema: TSchema, value: unknown): FieldError[] {
  const errors: FieldError[] = [];
  check(schema as Keywords, { value, path: "" }, errors);
  return errors;
}

/** Whether the value has the shape that the schema asks for. */
export function matchesSchema(schema: TSchema, value: unknown): boolean {
  return schemaErrors(schema, value).length === 0;
}

/** As `schemaErrors`, for the spec of an object of this kind; an absent spec is as good as an empty one. */
export function specErrors(kind: { readonly spec: TSchema }, object: { spec?: unknown }): FieldError[] {
  return viaField(schemaErrors(kind.spec, object.spec ?? {}), "spec");
}

interface Place {
  readonly value: unknown;
  readonly path: string;
}

function check(schema: Keywords, { value, path }: Place, errors: FieldError[]): void {
  if (errors.length >= errorsMax) return;
  if (!hasType(schema, value)) {
    errors.push(fieldError(`must be of type ${typeNames(schema)}, was ${typeOf(value)}`, [path]));
    return;
  }
  if (schema.enum?.includes(value) === false)
    errors.push(invalidValue(value, path, `one of: ${schema.enum.join(", ")}`));
  if (typeof value === "string") checkText(schema, { value, path }, errors);
  if (typeof value === "number") checkNumber(schema, { value, path }, errors);
  if (Array.isArray(value)) checkList(schema, { value, path }, errors);
  else if (typeof value === "object" && value !== null) checkObject(schema, { value, path }, errors);
}

function hasType(schema: Keywords, value: unknown): boolean {
  if (schema.anyOf !== undefined) return schema.anyOf.some((option) => hasType(option, value));
  if (schema.type === undefined) return true;
  const actual = typeOf(value);
  return actual === schema.type || (schema.type === "number" && actual === "integer");
}

function typeNames(schema: Keywords): string {
  return schema.anyOf === undefined ? (schema.type ?? "any") : schema.anyOf.map(typeNames).join(" or ");
}

function typeOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return typeof value;
}

function checkText(schema: Keywords, { value, path }: { value: string; path: string }, errors: FieldError[]): void {
  const { minLength = 0, maxLength = Infinity, pattern } = schema;
  if (value.length < minLength || value.length > maxLength) {
    errors.push(outOfBounds(value.length, { min: minLength, max: maxLength }, `${path}.length`));
  } else if (pattern !== undefined && !new RegExp(pattern, "u").test(value)) {
    errors.push(invalidValue(value, path, `must match ${pattern}`));
  }
}

function checkNumber(schema: Keywords, { value, path }: { value: number; path: string }, errors: FieldError[]): void {
  const { minimum: min = -Infinity, maximum: max = Infinity } = schema;
  if (value < min || value > max) errors.push(outOfBounds(value, { min, max }, path));
}

function checkList(schema: Keywords, { value, path }: { value: unknown[]; path: string }, errors: FieldError[]): void {
  const { minItems = 0, maxItems = Infinity, items } = schema;
  if (value.length < minItems || value.length > maxItems) {
    errors.push(outOfBounds(value.length, { min: minItems, max: maxItems }, `${path}.length`));
    return;
  }
  if (items === undefined) return;
  value.forEach((item, index) => check(items, { value: item, path: `${path}[${index}]` }, errors));
}

function checkObject(schema: Keywords, { value, path }: { value: object; path: string }, errors: FieldError[]): void {
  const { properties = {}, additionalProperties, required = [] } = schema;
  for (const name of required) {
    if (!Object.hasOwn(value, name)) errors.push(missingField(joined(path, name)));
  }
  for (const [name, child] of Object.entries(value)) {
    const known = Object.hasOwn(properties, name) ? properties[name] : additionalProperties;
    // An undefined property is one that JSON will not have.
    if (typeof known === "object" && child !== undefined)
      check(known, { value: child, path: joined(path, name) }, errors);
  }
}

function joined(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}
