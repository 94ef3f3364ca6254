import { fieldErrorText, hasErrors, viaField } from "../../meta/field-error.ts";
import type { SubscriptionsAPIFilter, TriggerFilter } from "./filter.types.ts";
import { validateAttributeFilter, validateFilters } from "./filter.validation.ts";

/** Gives an attribute of an event as text, as it stands in a binary-mode header; undefined when it is absent. */
export type AttributeLookup = (name: string) => string | undefined;

/** A Trigger's filters, made ready for every event. */
export interface CompiledFilter {
  readonly matches: (attribute: AttributeLookup) => boolean;
  /** The exact values of `type` that can match, for an index by type; undefined: any can. An empty set: none does. */
  readonly types: ReadonlySet<string> | undefined;
  /** Why it could not be compiled; then it matches nothing. Tell it in the Trigger's conditions. */
  readonly problem?: string;
}

/**
 * Compiles `spec.filter` and `spec.filters` of a Trigger. As in Knative `filters`, when there are any, stand in place of `filter`.
 * Compile once per generation. Never throws: what admission would refuse (an object stored without it) matches nothing.
 */
export function compileFilters(spec: {
  readonly filter?: TriggerFilter;
  readonly filters?: readonly SubscriptionsAPIFilter[];
}): CompiledFilter {
  const { filter, filters = [] } = spec;
  const errors =
    filters.length > 0
      ? viaField(validateFilters(filters), "spec.filters")
      : viaField(validateAttributeFilter(filter), "spec.filter");
  if (hasErrors(errors)) return { matches: () => false, types: new Set(), problem: fieldErrorText(errors) };
  return filters.length > 0 ? allOf(filters.map(compileFilter)) : compileAttributes(filter?.attributes ?? {});
}

function compileAttributes(attributes: Readonly<Record<string, string>>): CompiledFilter {
  const wanted = Object.entries(attributes);
  const type = attributes["type"] ?? "";
  return {
    matches: (attribute) =>
      wanted.every(([name, value]) => {
        const actual = attribute(name);
        return actual !== undefined && (value === "" || actual === value);
      }),
    types: type === "" ? undefined : new Set([type]),
  };
}

// Exactly one of these is there, or validation would have complained; an empty one counts as absent.
function compileFilter(filter: SubscriptionsAPIFilter): CompiledFilter {
  if (isGiven(filter.all)) return allOf(filter.all.map(compileFilter));
  if (isGiven(filter.any)) return anyOf(filter.any.map(compileFilter));
  if (isGiven(filter.not)) return negated(compileFilter(filter.not));
  if (isGiven(filter.prefix)) return compileMap(filter.prefix, (actual, wanted) => actual.startsWith(wanted));
  if (isGiven(filter.suffix)) return compileMap(filter.suffix, (actual, wanted) => actual.endsWith(wanted));
  return compileExact(filter.exact ?? {});
}

function isGiven<T extends object>(value: T | undefined): value is T {
  return value !== undefined && Object.keys(value).length > 0;
}

function compileExact(exact: Readonly<Record<string, string>>): CompiledFilter {
  const compiled = compileMap(exact, (actual, wanted) => actual === wanted);
  return exact["type"] === undefined ? compiled : { ...compiled, types: new Set([exact["type"]]) };
}

function compileMap(
  map: Readonly<Record<string, string>>,
  isMatch: (actual: string, wanted: string) => boolean,
): CompiledFilter {
  const wanted = Object.entries(map);
  return {
    matches: (attribute) =>
      wanted.every(([name, value]) => {
        const actual = attribute(name);
        return actual !== undefined && isMatch(actual, value);
      }),
    types: undefined,
  };
}

function allOf(filters: readonly CompiledFilter[]): CompiledFilter {
  const typeSets = filters.flatMap(({ types }) => (types === undefined ? [] : [types]));
  return {
    matches: (attribute) => filters.every(({ matches }) => matches(attribute)),
    types:
      typeSets.length === 0
        ? undefined
        : typeSets.reduce((common, types) => new Set([...common].filter((type) => types.has(type)))),
  };
}

function anyOf(filters: readonly CompiledFilter[]): CompiledFilter {
  const isAnyType = filters.some(({ types }) => types === undefined);
  return {
    matches: (attribute) => filters.some(({ matches }) => matches(attribute)),
    types: isAnyType ? undefined : new Set(filters.flatMap(({ types = new Set<string>() }) => [...types])),
  };
}

// What does not match says nothing of the types that do.
function negated({ matches }: CompiledFilter): CompiledFilter {
  return { matches: (attribute) => !matches(attribute), types: undefined };
}
