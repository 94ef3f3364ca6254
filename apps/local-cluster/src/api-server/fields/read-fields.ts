import { copyJson, isRecord, setField, type JsonObject } from "../api-object.ts";
import type { Field, MessageType, ScalarType } from "./message-types.ts";

// JSON of a built-in kind as Go's decoder reads it: fields the kind does not have are dropped and reported, null counts as
// absent, a value of the wrong type is refused, times and quantities are brought into the form in which they are written.

/** A value that the type has no room for; `message` is Go's. */
export class FieldTypeError extends Error {
  override readonly name = "FieldTypeError";
}

/** Receives each unknown field's path, as in `spec.containers[0].foo`. */
export type ReportUnknown = (path: string) => void;

/** One step of the way from the object: a field, or (a number) an item of a list. */
interface Step {
  readonly parent: Step | undefined;
  readonly name: string | number;
}

interface Place {
  readonly type: MessageType;
  readonly step: Step | undefined;
  readonly unknownField: ReportUnknown;
}

interface FieldPlace extends Place {
  readonly field: Field;
}

/** A copy of the object with what its type knows. @throws FieldTypeError for a value of the wrong type. */
export function readFields(source: JsonObject, type: MessageType, unknownField: ReportUnknown): JsonObject {
  return readObject(source, { type, step: undefined, unknownField });
}

function readObject(source: JsonObject, place: Place): JsonObject {
  const read: JsonObject = {};
  for (const name of Object.keys(source)) {
    const value = source[name];
    const field = place.type.byName.get(name);
    if (field !== undefined) {
      if (value === null || value === undefined) continue;
      read[name] = readField(value, { ...place, field, step: { parent: place.step, name } });
    } else if (place.type.isKind && (name === "apiVersion" || name === "kind")) read[name] = value;
    else place.unknownField(pathText({ parent: place.step, name }));
  }
  return read;
}

function readField(value: unknown, place: FieldPlace): unknown {
  switch (place.field.shape) {
    case "list":
      if (!Array.isArray(value)) throw wrongType(value, place, `[]${goType(place.field)}`);
      return readItems(value, place);
    case "map":
      if (!isRecord(value)) throw wrongType(value, place, `map[string]${goType(place.field)}`);
      return readMap(value, place);
    case "single":
      return readValue(value, place);
  }
}

function readItems(items: readonly unknown[], place: FieldPlace): unknown[] {
  const read: unknown[] = [];
  for (const [index, item] of items.entries()) {
    if (item === null) continue;
    read.push(readValue(item, { ...place, step: { parent: place.step, name: index } }));
  }
  return read;
}

function readMap(source: JsonObject, place: FieldPlace): JsonObject {
  const read: JsonObject = {};
  for (const [name, value] of Object.entries(source)) {
    // Go reads null as the zero of the map's type, which for a string is a value of its own.
    const given = value === null && place.field.type === "s" ? "" : value;
    if (given === null || given === undefined) continue;
    setField(read, name, readValue(given, { ...place, step: { parent: place.step, name } }));
  }
  return read;
}

function readValue(value: unknown, place: FieldPlace): unknown {
  const { type } = place.field;
  if (typeof type === "string") return readScalar(value, type, place);
  if (type.json === "union") return readUnion(value, { ...place, type });
  if (type.json === "list") {
    const items = type.byName.get("items");
    return items === undefined ? value : readField(value, { ...place, type, field: items });
  }
  if (!isRecord(value)) throw wrongType(value, place, goType(place.field));
  return readObject(value, { type, step: place.step, unknownField: place.unknownField });
}

/** A schema, a list or a boolean, whichever the JSON is. */
function readUnion(value: unknown, place: FieldPlace): unknown {
  const fields = [...place.type.byName.values()];
  const field = fields.find(({ name, shape }) => (Array.isArray(value) ? shape === "list" : name === "schema"));
  if (field === undefined || typeof value === "boolean") return value;
  return readField(value, { ...place, field });
}

function readScalar(value: unknown, type: ScalarType, place: FieldPlace): unknown {
  if (type === "r") return copyJson(value);
  if (type === "q") return readQuantity(value);
  if (!isOfType(value, type)) throw wrongType(value, place, goTypes[type] ?? "string");
  return typeof value === "string" && (type === "t" || type === "u") ? readTime(value, type) : value;
}

function isOfType(value: unknown, type: ScalarType): boolean {
  switch (type) {
    case "b":
      return typeof value === "boolean";
    case "i":
      return isInteger(value, 2 ** 31);
    case "l":
      return isInteger(value, 2 ** 63);
    case "n":
      return typeof value === "number";
    case "o":
      return typeof value === "string" || isInteger(value, 2 ** 31);
    default:
      return typeof value === "string";
  }
}

const goTypes: Readonly<Partial<Record<ScalarType, string>>> = {
  s: "string",
  b: "bool",
  i: "int32",
  l: "int64",
  n: "float64",
  y: "[]uint8",
  q: "resource.Quantity",
  o: "intstr.IntOrString",
  t: "v1.Time",
  u: "v1.MicroTime",
  d: "v1.Duration",
};

function isInteger(value: unknown, beyond: number): boolean {
  return Number.isInteger(value) && Number(value) < beyond && Number(value) >= -beyond;
}

const quantityPattern = /^[+-]?(\d+\.?\d*|\.\d+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?\d+)?$/;

function readQuantity(value: unknown): string {
  const text = typeof value === "number" ? String(value) : value;
  if (typeof text === "string" && quantityPattern.test(text)) return text;
  throw new FieldTypeError(
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
  );
}

const timePattern = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/;

// Whole seconds, or six digits in a MicroTime; JavaScript clients send milliseconds for both.
function readTime(text: string, type: "t" | "u"): string {
  const time = new Date(text);
  const [, seconds = "", fraction = "", zone] = timePattern.exec(text) ?? [];
  if (zone === undefined || Number.isNaN(time.getTime())) {
    const layout = type === "t" ? "2006-01-02T15:04:05Z07:00" : "2006-01-02T15:04:05.000000Z07:00";
    throw new FieldTypeError(`parsing time ${JSON.stringify(text)} as ${JSON.stringify(layout)}: cannot parse`);
  }
  const utcSeconds = zone === "Z" ? seconds : time.toISOString().slice(0, 19);
  return type === "t" ? `${utcSeconds}Z` : `${utcSeconds}.${fraction.padEnd(6, "0").slice(0, 6)}Z`;
}

function wrongType(value: unknown, place: FieldPlace, wanted: string): FieldTypeError {
  const isNumberWanted = typeof value === "number" && wanted.startsWith("int");
  const actual = isNumberWanted ? `number ${value}` : jsonType(value);
  const field = `${place.type.name}.${pathText(place.step, { isWithItems: false })}`;
  return new FieldTypeError(`json: cannot unmarshal ${actual} into Go struct field ${field} of type ${wanted}`);
}

function goType({ type }: Field): string {
  if (typeof type === "string") return goTypes[type] ?? "string";
  return `${type.apiVersion.slice(type.apiVersion.indexOf("/") + 1)}.${type.name}`;
}

function jsonType(value: unknown): string {
  if (Array.isArray(value)) return "array";
  return typeof value === "boolean" ? "bool" : typeof value;
}

function pathText(step: Step | undefined, { isWithItems = true } = {}): string {
  let text = "";
  for (let at = step; at !== undefined; at = at.parent) {
    if (typeof at.name === "number" && !isWithItems) continue;
    const name = typeof at.name === "number" ? `[${at.name}]` : at.name;
    text = text === "" || text.startsWith("[") ? name + text : `${name}.${text}`;
  }
  return text;
}
