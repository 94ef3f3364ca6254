import { optionalText, Type, type Static } from "../../meta/schema.ts";
import type { BusParameter } from "./bus.types.ts";

/** What a Channel or a Subscription says to its bus. */
export const BusArgument = Type.Object({
  name: Type.String({ description: "Name of a parameter that the bus declares." }),
  value: optionalText("Its value."),
});
export type BusArgument = Static<typeof BusArgument>;

/** What came of arguments and the parameters that they are for. */
export interface ResolvedArguments {
  /** The value of every parameter that has one. */
  readonly values: ReadonlyMap<string, string>;
  /** Parameters without default and without argument, in the order declared. Not empty: the object cannot be served. */
  readonly missing: readonly string[];
  /** Arguments that the bus declares no parameter for, in the order given. They count for nothing. */
  readonly undeclared: readonly string[];
}

/** Gives each declared parameter its argument or its default. Of two arguments of one name the last counts. Pure. */
export function resolveArguments(
  declared: readonly BusParameter[],
  given: readonly BusArgument[] = [],
): ResolvedArguments {
  const values = new Map<string, string>();
  for (const { name, default: value } of declared) if (value !== undefined) values.set(name, value);
  const names = new Set(declared.map(({ name }) => name));
  for (const { name, value = "" } of given) if (names.has(name)) values.set(name, value);
  return {
    values,
    missing: [...names].filter((name) => !values.has(name)),
    undeclared: [...new Set(given.map(({ name }) => name).filter((name) => !names.has(name)))],
  };
}

/** The end of a condition's message about arguments that count for nothing; empty when all do. */
export function undeclaredText(undeclared: readonly string[]): string {
  return undeclared.length === 0 ? "" : `; the bus declares no parameter ${undeclared.join(", ")}`;
}
