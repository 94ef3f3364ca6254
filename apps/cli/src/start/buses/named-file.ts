import { readFileSync } from "node:fs";
import { UsageError } from "../../usage-error.ts";

/** The content of a file that a variable names. @throws UsageError naming the variable, and what is wrong with it. */
export function readNamedFile(variable: string, file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new UsageError(`${variable}: ${(error as NodeJS.ErrnoException).message}`, { cause: error });
  }
}
