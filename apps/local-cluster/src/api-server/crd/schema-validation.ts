import type { JsonObject } from "../api-object.ts";
import { equalJson, isRecord, listAt, recordAt } from "../api-object.ts";
import { duplicate, invalidValue, notSupported, required, typeName, wrongType } from "../field-cause.ts";
import type { StatusCause } from "../status-error.ts";

// Validation against a structural schema, with the texts that Kubernetes' own validator prints, because users and tests read them.

const causesMax = 50;

/** All that is wrong with a value, up to a limit. `path` is empty for the whole object. */
export function validateSchema(value: unknown, schema: JsonObject, path = ""): StatusCause[] {
  const causes: StatusCause[] = [];
  validateValue({ value, schema, path, causes });
  return causes.slice(0, causesMax);
}

interface Check {
  readonly value: unknown;
  readonly schema: JsonObject;
  readonly path: string;
  readonly causes: StatusCause[];
}

function validateValue(check: Check): void {
  const { value, schema, path, causes } = check;
  if (causes.length >= causesMax) return;
  if (value === null && schema["nullable"] === true) return;
  if (!validateType(check)) return;
  const choices = schema["enum"];
  if (Array.isArray(choices) && !choices.some((choice) => equalJson(choice, value))) {
    causes.push(notSupported(path, value, choices));
  }
  if (typeof value === "string") validateString(value, check);
  else if (typeof value === "number") validateNumber(value, check);
  else if (Array.isArray(value)) validateArray(value, check);
  else if (isRecord(value)) validateObject(value, check);
  validateCombinations(check);
}

function validateType({ value, schema, path, causes }: Check): boolean {
  if (schema["x-kubernetes-int-or-string"] === true) {
    if (typeof value === "string" || Number.isInteger(value)) return true;
    causes.push(wrongType(path, value, `${path} in body must be of type integer,string: "${typeName(value)}"`));
    return false;
  }
  const wanted = schema["type"];
  if (typeof wanted !== "string") return true;
  const actual = typeName(value);
  if (actual === wanted || (wanted === "number" && actual === "integer")) return true;
  causes.push(wrongType(path, value, `${path} in body must be of type ${wanted}: "${actual}"`));
  return false;
}

const patterns = new WeakMap<JsonObject, RegExp | null>();

/** The schema's pattern. Go's syntax differs in corners; a pattern that JavaScript cannot read matches everything. */
function patternOf(schema: JsonObject): RegExp | null {
  const known = patterns.get(schema);
  if (known !== undefined) return known;
  let pattern: RegExp | null = null;
  try {
    if (typeof schema["pattern"] === "string") pattern = new RegExp(schema["pattern"], "u");
  } catch {
    // Refusing objects for a pattern we cannot read would be worse than not checking it.
  }
  patterns.set(schema, pattern);
  return pattern;
}

const formatPatterns: Record<string, RegExp> = {
  "date-time": /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/,
  date: /^\d{4}-\d\d-\d\d$/,
  byte: /^[A-Za-z0-9+/]*={0,2}$/,
  ipv4: /^(\d{1,3}\.){3}\d{1,3}$/,
  uuid: /^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$/i,
};

function validateString(value: string, { schema, path, causes }: Check): void {
  const { minLength, maxLength, format } = schema;
  const length = Array.from(value).length;
  if (typeof maxLength === "number" && length > maxLength) {
    causes.push({
      reason: "FieldValueTooLong",
      message: `Too long: may not be more than ${maxLength} bytes`,
      field: path,
    });
  }
  if (typeof minLength === "number" && length < minLength) {
    causes.push(invalidValue(path, value, `${path} in body should be at least ${minLength} chars long`));
  }
  const pattern = patternOf(schema);
  if (pattern !== null && !pattern.test(value)) {
    causes.push(invalidValue(path, value, `${path} in body should match '${String(schema["pattern"])}'`));
  }
  const formatPattern = typeof format === "string" ? formatPatterns[format] : undefined;
  if (formatPattern !== undefined && !formatPattern.test(value)) {
    causes.push(
      invalidValue(path, value, `${path} in body must be of type ${String(format)}: ${JSON.stringify(value)}`),
    );
  }
}

function validateNumber(value: number, check: Check): void {
  const { schema, path, causes } = check;
  const { multipleOf } = schema;
  const refuse = (detail: string): number => causes.push(invalidValue(path, value, `${path} in body ${detail}`));
  const tooLow = beyond(value, schema["minimum"], { isOpen: schema["exclusiveMinimum"] === true, direction: -1 });
  if (tooLow !== undefined) refuse(`should be greater than ${tooLow}`);
  const tooHigh = beyond(value, schema["maximum"], { isOpen: schema["exclusiveMaximum"] === true, direction: 1 });
  if (tooHigh !== undefined) refuse(`should be less than ${tooHigh}`);
  if (typeof multipleOf === "number" && value % multipleOf !== 0) refuse(`should be a multiple of ${multipleOf}`);
  validateNumberFormat(value, check);
}

/** What the value would have to keep to; `undefined` when it does. */
function beyond(value: number, limit: unknown, side: { isOpen: boolean; direction: 1 | -1 }): string | undefined {
  if (typeof limit !== "number") return undefined;
  const excess = (value - limit) * side.direction;
  if (excess < 0 || (excess === 0 && !side.isOpen)) return undefined;
  return side.isOpen ? String(limit) : `or equal to ${limit}`;
}

function validateNumberFormat(value: number, { schema, path, causes }: Check): void {
  if (schema["format"] !== "int32" || (value >= -(2 ** 31) && value < 2 ** 31)) return;
  causes.push(invalidValue(path, value, `${path} in body must be of type int32: "integer"`));
}

function validateArray(items: readonly unknown[], check: Check): void {
  const { schema, path, causes } = check;
  const { minItems, maxItems } = schema;
  if (typeof maxItems === "number" && items.length > maxItems) {
    const message = `Too many: ${items.length}: must have at most ${maxItems} items`;
    causes.push({ reason: "FieldValueTooMany", message, field: path });
  }
  if (typeof minItems === "number" && items.length < minItems) {
    causes.push(invalidValue(path, items.length, `${path} in body should have at least ${minItems} items`));
  }
  const itemSchema = schema["items"];
  if (isRecord(itemSchema)) {
    for (const [index, value] of items.entries()) {
      validateValue({ value, schema: itemSchema, path: `${path}[${index}]`, causes });
    }
  }
  validateListType(items, check);
}

function validateListType(items: readonly unknown[], { schema, path, causes }: Check): void {
  const listType = schema["x-kubernetes-list-type"];
  if (listType !== "set" && listType !== "map") return;
  const keys = listAt(schema, "x-kubernetes-list-map-keys").map(String);
  const seen = new Set<string>();
  for (const [index, item] of items.entries()) {
    const identity = listType === "set" ? item : Object.fromEntries(keys.map((key) => [key, recordAt(item)[key]]));
    const text = JSON.stringify(identity);
    if (seen.has(text)) causes.push(duplicate(`${path}[${index}]`, identity));
    seen.add(text);
  }
}

function validateObject(value: JsonObject, { schema, path, causes }: Check): void {
  const below = (field: string): string => (path === "" ? field : `${path}.${field}`);
  for (const field of listAt(schema, "required").map(String)) {
    if (value[field] === undefined) causes.push(required(below(field)));
  }
  const properties = recordAt(schema, "properties");
  const additional = schema["additionalProperties"];
  for (const field of Object.keys(value)) {
    const known = Object.hasOwn(properties, field) ? properties[field] : additional;
    if (isRecord(known)) validateValue({ value: value[field], schema: known, path: below(field), causes });
  }
  const count = Object.keys(value).length;
  const { minProperties, maxProperties } = schema;
  if (typeof minProperties === "number" && count < minProperties) {
    causes.push(invalidValue(path, count, `${path} in body should have at least ${minProperties} properties`));
  }
  if (typeof maxProperties === "number" && count > maxProperties) {
    const message = `Too many: ${count}: must have at most ${maxProperties} items`;
    causes.push({ reason: "FieldValueTooMany", message, field: path });
  }
}

function validateCombinations({ value, schema, path, causes }: Check): void {
  // int-or-string schemas repeat their two types as anyOf.
  const isAnyChecked = schema["x-kubernetes-int-or-string"] !== true;
  const isValid = (option: unknown): boolean => isRecord(option) && validateSchema(value, option, path).length === 0;
  const refuse = (detail: string): number => causes.push(wrongType(path, value, `"${path}" must ${detail}`));
  for (const part of listAt(schema, "allOf")) if (isRecord(part)) validateValue({ value, schema: part, path, causes });
  const anyOf = listAt(schema, "anyOf");
  if (isAnyChecked && anyOf.length > 0 && !anyOf.some(isValid)) refuse("validate at least one schema (anyOf)");
  const oneOf = listAt(schema, "oneOf");
  if (oneOf.length > 0) {
    const valid = oneOf.filter(isValid).length;
    if (valid !== 1) {
      refuse(`validate one and only one schema (oneOf). Found ${valid === 0 ? "none" : String(valid)} valid`);
    }
  }
  if (isRecord(schema["not"]) && isValid(schema["not"])) refuse("not validate the schema (not)");
}
