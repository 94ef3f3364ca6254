import type { TSchema } from "../meta/schema.ts";

/** A schema as a CustomResourceDefinition may hold it. */
export type StructuralSchema = { [keyword: string]: unknown };

/** A schema that has no legal form in a CustomResourceDefinition; the message names the place and the keyword. */
export class StructuralSchemaError extends Error {
  override readonly name = "StructuralSchemaError";
}

const scalarKeywords = new Set([
  "default",
  "description",
  "enum",
  "format",
  "maxItems",
  "maxLength",
  "maxProperties",
  "maximum",
  "minItems",
  "minLength",
  "minProperties",
  "minimum",
  "pattern",
  "required",
  "type",
  "x-kubernetes-int-or-string",
  "x-kubernetes-list-map-keys",
  "x-kubernetes-list-type",
  "x-kubernetes-map-type",
  "x-kubernetes-preserve-unknown-fields",
]);

const typeNames = new Set<unknown>(["array", "boolean", "integer", "number", "object", "string"]);

/**
 * Turns a schema of ours into the structural form that Kubernetes asks of CustomResourceDefinitions. Every list says in it how
 * server-side apply merges it.
 * @throws StructuralSchemaError for anything without such a form, rather than leave a rule out in silence.
 */
export function toStructuralSchema(schema: TSchema, path: string): StructuralSchema {
  const keywords = schema as Readonly<Record<string, unknown>>;
  checkType(keywords, path);
  const full = keywords["type"] === "array" ? completeList(keywords, path) : keywords;
  const entries = Object.entries(full).map(([keyword, value]) => [keyword, convert(keyword, value, path)]);
  return Object.fromEntries(entries.toSorted(byReadingOrder)) as StructuralSchema;
}

// Description and type first, as people read; then the rest in their own order.
function byReadingOrder([a]: unknown[], [b]: unknown[]): number {
  const order = ["description", "type", "format"];
  const rank = (keyword: unknown) => {
    const index = order.indexOf(String(keyword));
    return index < 0 ? order.length : index;
  };
  return rank(a) - rank(b);
}

function convert(keyword: string, value: unknown, path: string): unknown {
  if (scalarKeywords.has(keyword)) return value;
  switch (keyword) {
    case "properties":
      return Object.fromEntries(
        Object.entries(value as Record<string, TSchema>).map(([name, child]) => [
          name,
          toStructuralSchema(child, `${path}.${name}`),
        ]),
      );
    case "items":
      return toStructuralSchema(value as TSchema, `${path}[]`);
    case "additionalProperties":
      if (typeof value === "boolean") throw new StructuralSchemaError(`${path}: additionalProperties must be a schema`);
      return toStructuralSchema(value as TSchema, `${path}.*`);
    case "anyOf":
      // Legal only as the two types of an int-or-string, where checkType has seen it.
      return value;
    default:
      throw new StructuralSchemaError(`${path}: the keyword "${keyword}" has no place in a CustomResourceDefinition`);
  }
}

function checkType(keywords: Readonly<Record<string, unknown>>, path: string): void {
  const { type } = keywords;
  const isIntOrString = keywords["x-kubernetes-int-or-string"] === true;
  const isOpen = keywords["x-kubernetes-preserve-unknown-fields"] === true;
  const problems: readonly [boolean, string][] = [
    ["anyOf" in keywords && !isIntOrString, "anyOf is for IntOrString only"],
    [isIntOrString && type !== undefined, "an IntOrString must not have a type"],
    [type === undefined && !isIntOrString && !isOpen, "has no type"],
    [type !== undefined && !typeNames.has(type), `${JSON.stringify(type)} is not a type`],
    ["properties" in keywords && "additionalProperties" in keywords, "properties exclude additionalProperties"],
    [type === "array" && !("items" in keywords), "an array must say its items"],
  ];
  const found = problems.find(([isProblem]) => isProblem);
  if (found !== undefined) throw new StructuralSchemaError(`${path}: ${found[1]}`);
}

function completeList(keywords: Readonly<Record<string, unknown>>, path: string): Readonly<Record<string, unknown>> {
  const keys = (keywords["x-kubernetes-list-map-keys"] ?? []) as readonly string[];
  const items = requireKeys(keywords["items"] as TSchema, keys, path);
  return { "x-kubernetes-list-type": "atomic", ...keywords, items };
}

// An item without its key could not be told from others: the API server wants it required, or to have a default.
function requireKeys(items: TSchema, keys: readonly string[], path: string): TSchema {
  const { properties = {}, required = [] } = items as { properties?: Record<string, object>; required?: string[] };
  const missing = keys.find((key) => properties[key] === undefined);
  if (missing !== undefined) throw new StructuralSchemaError(`${path}: the items have no field "${missing}"`);
  const needed = keys.filter((key) => !required.includes(key) && !("default" in (properties[key] ?? {})));
  return needed.length === 0 ? items : { ...items, required: [...required, ...needed] };
}
