import { readConfig, type ConfigData, type ConfigReader } from "./parse-config.ts";

/** config-gc: how long Revisions without traffic are kept. undefined means that this bound is off. */
export interface GarbageCollectionConfig {
  readonly retainSinceCreateTimeMs: number | undefined;
  readonly retainSinceLastActiveTimeMs: number | undefined;
  readonly minNonActiveRevisions: number;
  readonly maxNonActiveRevisions: number | undefined;
}

const disabled = "disabled";

/** Parses config-gc. @throws ConfigError naming the key. */
export function parseGarbageCollectionConfig(content: ConfigData = {}): GarbageCollectionConfig {
  const read = readConfig("config-gc", content);
  const config: GarbageCollectionConfig = {
    retainSinceCreateTimeMs: readRetention(read, "retain-since-create-time", 48 * 3_600_000),
    retainSinceLastActiveTimeMs: readRetention(read, "retain-since-last-active-time", 15 * 3_600_000),
    minNonActiveRevisions: readCount(read, "min-non-active-revisions", 20),
    maxNonActiveRevisions: isDisabled(read, "max-non-active-revisions")
      ? undefined
      : readCount(read, "max-non-active-revisions", 1000),
  };
  const { minNonActiveRevisions: min, maxNonActiveRevisions: max } = config;
  if (max !== undefined && min > max)
    read.fail("min-non-active-revisions", `${min} is more than max-non-active-revisions ${max}`);
  return config;
}

function readRetention(read: ConfigReader, key: string, fallbackMs: number): number | undefined {
  if (isDisabled(read, key)) return undefined;
  const durationMs = read.durationMs(key, fallbackMs);
  return durationMs >= 0 ? durationMs : read.fail(key, "must not be negative");
}

function readCount(read: ConfigReader, key: string, fallback: number): number {
  const count = read.integer(key, fallback);
  return count >= 0 ? count : read.fail(key, `must not be negative, was ${count}`);
}

function isDisabled(read: ConfigReader, key: string): boolean {
  return read.text(key, "").toLowerCase() === disabled;
}
