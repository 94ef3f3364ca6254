import { isRecord } from "../../meta/equality.ts";
import {
  disallowedField,
  fieldError,
  invalidKeyName,
  missingField,
  outOfBounds,
  viaField,
  viaFieldIndex,
  viaIndex,
  viaKey,
  type FieldError,
} from "../../meta/field-error.ts";
import { schemaErrors } from "../../meta/schema-check.ts";
import { SubscriptionsAPIFilter, type TriggerFilter } from "./filter.types.ts";

/** How deep filters may be nested, and how many a Trigger may have in all. Every event is held against all of them. */
export const filterLimits = { depthMax: 16, countMax: 256 } as const;

/** The dialects that events are filtered in. A filter has exactly one. */
export const filterDialects = ["exact", "prefix", "suffix", "all", "any", "not"] as const;

/** What is wrong with `spec.filter`; paths are relative to it. */
export function validateAttributeFilter(filter: TriggerFilter | undefined): FieldError[] {
  return viaField(validateAttributeNames(filter?.attributes ?? {}), "attributes");
}

/**
 * What is wrong with `spec.filters`; paths are relative to it. Whatever is accepted can be compiled: what Knative would leave out
 * with a line in a log, and so deliver everything, is refused.
 */
export function validateFilters(filters: readonly SubscriptionsAPIFilter[]): FieldError[] {
  const count = countFilters(filters, 1);
  if (count > filterLimits.countMax) return [outOfBounds(count, { min: 0, max: filterLimits.countMax }, "length")];
  return filters.flatMap((filter, index) => viaIndex(validateFilter(filter, 1), index));
}

function validateFilter(filter: SubscriptionsAPIFilter, depth: number): FieldError[] {
  if (depth > filterLimits.depthMax) return [fieldError(`nested deeper than ${filterLimits.depthMax} levels`, ["."])];
  // Only the first level has been seen by the API server.
  const shapeErrors = schemaErrors(SubscriptionsAPIFilter, filter);
  if (shapeErrors.length > 0) return shapeErrors;
  return [...validateDialects(filter), ...validateContent(filter, depth)];
}

function validateDialects(filter: SubscriptionsAPIFilter): FieldError[] {
  const known: readonly string[] = filterDialects;
  const unknown = Object.keys(filter).filter((name) => name !== "cesql" && !known.includes(name));
  if (unknown.length > 0) return [disallowedField(...unknown)];
  if ((filter.cesql ?? "") !== "") return [{ ...disallowedField("cesql"), details: cesqlText }];
  const count = filterDialects.filter((name) => !isEmpty(filter[name])).length;
  if (count > 1) return [fieldError("multiple dialects found, filters can have only one dialect set", ["."])];
  return count === 1 ? [] : [fieldError("no dialect found", ["."], `set one of ${filterDialects.join(", ")}`)];
}

const cesqlText = "CloudEvents SQL is not served; say it with exact, prefix, suffix, all, any and not";

function isEmpty(value: unknown): boolean {
  if (value === undefined) return true;
  return Array.isArray(value) ? value.length === 0 : Object.keys(value as object).length === 0;
}

function validateContent({ all = [], any = [], not, ...maps }: SubscriptionsAPIFilter, depth: number): FieldError[] {
  return [
    ...(["exact", "prefix", "suffix"] as const).flatMap((name) => viaField(validateMap(maps[name] ?? {}), name)),
    ...all.flatMap((filter, index) => viaFieldIndex(validateFilter(filter, depth + 1), "all", index)),
    ...any.flatMap((filter, index) => viaFieldIndex(validateFilter(filter, depth + 1), "any", index)),
    ...(not === undefined || isEmpty(not) ? [] : viaField(validateFilter(not, depth + 1), "not")),
  ];
}

function validateMap(map: Readonly<Record<string, string>>): FieldError[] {
  const empty = Object.keys(map).filter((name) => map[name] === "");
  return [...validateAttributeNames(map), ...empty.flatMap((name) => viaKey([emptyValue], name))];
}

const emptyValue = {
  ...missingField("."),
  details: "a value must not be empty; only spec.filter.attributes has that for any",
};

function validateAttributeNames(map: Readonly<Record<string, string>>): FieldError[] {
  return Object.keys(map)
    .filter((name) => !/^[a-z][a-z0-9]*$/.test(name))
    .flatMap((name) => viaKey([invalidKeyName(name, ".", attributeNameRule)], name));
}

const attributeNameRule = "Attribute name must start with a letter and can only contain lowercase alphanumeric";

// Bounded itself: what is nested too deep is found by validation.
function countFilters(value: unknown, depth: number): number {
  if (depth > filterLimits.depthMax + 1) return 0;
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + 1 + countNested(item, depth), 0);
  return 0;
}

function countNested(filter: unknown, depth: number): number {
  if (!isRecord(filter)) return 0;
  const { all, any, not } = filter;
  return [all, any, not === undefined ? [] : [not]].reduce<number>(
    (sum, list) => sum + countFilters(list, depth + 1),
    0,
  );
}
