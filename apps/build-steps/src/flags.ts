import { parseArgs } from "node:util";
import { errorText } from "./error-code.ts";
import { UsageError } from "./step-failure.ts";

/** How one flag is written: "once" takes a value, "many" may be repeated, "switch" takes none. */
export type FlagKind = "once" | "many" | "switch";

/** What was given, by the flag's name. A flag that was not given is absent (many: empty, switch: false). */
export type Flags<Spec extends Record<string, FlagKind>> = {
  readonly [Name in keyof Spec]: Spec[Name] extends "many"
    ? readonly string[]
    : Spec[Name] extends "switch"
      ? boolean
      : string | undefined;
};

/**
 * Parses `--name value` and `--name=value`. Unknown flags, positionals, missing values and repeated flags are refused:
 * a typo must never run a build with another meaning.
 *
 * @throws UsageError naming the flag.
 */
export function parseFlags<const Spec extends Record<string, FlagKind>>(
  args: readonly string[],
  spec: Spec,
): Flags<Spec> {
  const options = Object.fromEntries(
    Object.entries(spec).map(([name, kind]) => [
      name,
      { type: kind === "switch" ? ("boolean" as const) : ("string" as const), multiple: kind === "many" },
    ]),
  );
  const { values, tokens } = parseStrictly(args, options);
  const seen = new Set<string>();
  for (const token of tokens) {
    if (token.kind !== "option" || spec[token.name] === "many") continue;
    if (seen.has(token.name)) throw new UsageError(`--${token.name} was given twice; give it once`);
    seen.add(token.name);
  }
  const missing = Object.fromEntries(
    Object.entries(spec).map(([name, kind]) => [name, kind === "many" ? [] : kind === "switch" ? false : undefined]),
  );
  return { ...missing, ...values } as Flags<Spec>;
}

function parseStrictly(args: readonly string[], options: NonNullable<Parameters<typeof parseArgs>[0]>["options"]) {
  try {
    return parseArgs({ args: [...args], options: options ?? {}, strict: true, allowPositionals: false, tokens: true });
  } catch (error) {
    throw new UsageError(errorText(error), { cause: error });
  }
}

/** The value of a flag that must be given. @throws UsageError when it is absent or empty. */
export function requireFlag(flags: Readonly<Record<string, unknown>>, name: string): string {
  const value = flags[name];
  if (typeof value !== "string" || value === "") throw new UsageError(`--${name} is required`);
  return value;
}

/** A whole number of at least 1, or the fallback when the flag is absent. @throws UsageError otherwise. */
export function countFlag(flags: Readonly<Record<string, unknown>>, name: string, fallback: number): number {
  const value = flags[name];
  if (value === undefined) return fallback;
  const count = typeof value === "string" && /^\d{1,15}$/.test(value) ? Number(value) : 0;
  if (count < 1) throw new UsageError(`--${name} must be a whole number of at least 1, got ${JSON.stringify(value)}`);
  return count;
}
