import { readFile } from "node:fs/promises";
import { InvalidError } from "./errors.ts";
import { systemClock } from "./clock.ts";
import type { Clock } from "./clock.ts";

/** Tokens are replaced in place well before they expire, so that reading them this often is enough. */
const READ_AGAIN_AFTER_MS = 10_000;

/**
 * Reads a bearer token from a file and again now and then, for ServiceAccount tokens are rotated in place. A file that
 * cannot be read for a moment leaves the last token in use.
 */
export function openTokenFile(
  path: string,
  clock: Clock = systemClock,
): (refresh: boolean) => Promise<string | undefined> {
  let header: string | undefined;
  let readAtMs = -Infinity;
  return async (refresh) => {
    if (header !== undefined && !refresh && clock.monotonicMs() - readAtMs < READ_AGAIN_AFTER_MS) return header;
    try {
      const token = (await readFile(path, "utf8")).trim();
      if (token !== "") header = `Bearer ${token}`;
      readAtMs = clock.monotonicMs();
    } catch (error) {
      if (header === undefined) throw new InvalidError(`the token file "${path}" cannot be read`, { cause: error });
    }
    return header;
  };
}
