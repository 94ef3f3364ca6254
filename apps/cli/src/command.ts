import { UsageError } from "./usage-error.ts";

export type Command = { readonly name: "help" } | { readonly name: "start"; readonly words: readonly string[] };

/** The first word is the command; without one, or with --help, it is help. @throws UsageError for an unknown one. */
export function parseCommand(words: readonly string[]): Command {
  const [name, ...rest] = words;
  if (name === undefined || name === "help" || name === "--help" || name === "-h") return { name: "help" };
  if (name === "start") return { name: "start", words: rest };
  throw new UsageError(`unknown command "${name}"; kelvin --help lists them`);
}
