import { parseDuration } from "../../meta/duration.ts";
import { isQuantity } from "../../meta/quantity.ts";

/** What stands in a ConfigMap's `data`; a missing ConfigMap is an empty one. */
export type ConfigData = Readonly<Record<string, string>>;

/** A ConfigMap that cannot be used. Keep the last good one and show the message; it names the key and the ConfigMap. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly configMap: string;
  readonly key: string;

  constructor(problem: { configMap: string; key: string; text: string }) {
    super(`${problem.configMap}: ${problem.key}: ${problem.text}`);
    this.configMap = problem.configMap;
    this.key = problem.key;
  }
}

/** Reads typed values out of one ConfigMap. Each takes the keys in order of preference: old spellings come last. */
export interface ConfigReader {
  readonly text: (keys: Keys, fallback: string) => string;
  readonly integer: (keys: Keys, fallback: number) => number;
  readonly number: (keys: Keys, fallback: number) => number;
  /** As Go's: 1, t, true (in any of its cases) are true, and so on. */
  readonly boolean: (keys: Keys, fallback: boolean) => boolean;
  /** Milliseconds; the value is a Go duration. */
  readonly durationMs: (keys: Keys, fallback: number) => number;
  /** A resource quantity, or undefined when absent. */
  readonly quantity: (keys: Keys) => string | undefined;
  /** One of a set of words; their case does not count. */
  readonly oneOf: <const T extends string>(keys: Keys, words: readonly T[], fallback: T) => T;
  /** Throws the ConfigError for a key. */
  readonly fail: (key: string, text: string) => never;
}

/** One key, or several of which the first that is present counts. */
export type Keys = string | readonly string[];

/** Opens a reader. Its functions throw ConfigError. */
export function readConfig(configMap: string, content: ConfigData): ConfigReader {
  function fail(key: string, text: string): never {
    throw new ConfigError({ configMap, key, text });
  }
  function read<T>(keys: Keys, fallback: T, parse: (raw: string, key: string) => T): T {
    for (const key of typeof keys === "string" ? [keys] : keys) {
      const raw = content[key];
      if (raw !== undefined) return parse(raw.trim(), key);
    }
    return fallback;
  }
  return {
    fail,
    text: (keys, fallback) => read(keys, fallback, (raw) => raw),
    integer: (keys, fallback) =>
      read(keys, fallback, (raw, key) => {
        if (/^[+-]?\d+$/.test(raw) && Number.isSafeInteger(Number(raw))) return Number(raw);
        return fail(key, `must be a whole number, was "${raw}"`);
      }),
    number: (keys, fallback) =>
      read(keys, fallback, (raw, key) => {
        const value = Number(raw);
        return raw !== "" && Number.isFinite(value) ? value : fail(key, `must be a number, was "${raw}"`);
      }),
    boolean: (keys, fallback) =>
      read(keys, fallback, (raw, key) => goBooleans[raw] ?? fail(key, `must be true or false, was "${raw}"`)),
    durationMs: (keys, fallback) =>
      read(keys, fallback, (raw, key) => {
        try {
          return parseDuration(raw);
        } catch (error) {
          return fail(key, `must be a duration such as 30s: ${error instanceof Error ? error.message : String(error)}`);
        }
      }),
    quantity: (keys) =>
      read<string | undefined>(keys, undefined, (raw, key) =>
        isQuantity(raw) ? raw : fail(key, `must be a quantity such as 100m or 1Gi, was "${raw}"`),
      ),
    oneOf: (keys, words, fallback) =>
      read(keys, fallback, (raw, key) => {
        const word = words.find((candidate) => candidate.toLowerCase() === raw.toLowerCase());
        return word ?? fail(key, `must be one of ${words.join(", ")}, was "${raw}"`);
      }),
  };
}

const goBooleans: Readonly<Record<string, boolean>> = {
  ...Object.fromEntries(["1", "t", "T", "TRUE", "true", "True"].map((word) => [word, true])),
  ...Object.fromEntries(["0", "f", "F", "FALSE", "false", "False"].map((word) => [word, false])),
};
