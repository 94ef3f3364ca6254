import { readConfig, type ConfigData, type ConfigReader } from "../../serving/config/parse-config.ts";
import { parseQuantity } from "../../meta/quantity.ts";

/** config-build: what a cluster's administrator decides for all Builds. Sizes are in bytes. */
export interface BuildConfig {
  /** The image of build-steps, which stands between the steps of users. */
  readonly stepsImage: string;
  /** The most that one source may be, unpacked. */
  readonly sourceBytesMax: number;
  readonly sourceFilesMax: number;
  /** Where `gs://` objects are fetched from. */
  readonly gcsEndpoint: string;
  /** Where caches are kept: a directory of the node, or an S3-compatible server; at most one. Neither: no caches. */
  readonly cacheHostPath: string | undefined;
  readonly cacheEndpoint: string | undefined;
  /** How much of a step's output is kept. */
  readonly logBytesPerStepMax: number;
  /** How much output is kept in a namespace; the oldest goes first. */
  readonly logBytesPerNamespaceMax: number;
  /** How long output is kept after its Build is gone. */
  readonly logRetentionMs: number;
}

/** Name of the ConfigMap, in the namespace of the build-controller. */
export const buildConfigMap = "config-build";

/** Parses config-build. @throws ConfigError naming the key. */
export function parseBuildConfig(content: ConfigData = {}): BuildConfig {
  const read = readConfig(buildConfigMap, content);
  const cacheHostPath = read.text("cache-host-path", "") || undefined;
  const cacheEndpoint = read.text("cache-endpoint", "") || undefined;
  if (cacheHostPath !== undefined && cacheEndpoint !== undefined)
    read.fail("cache-endpoint", "must not be set together with cache-host-path");
  if (cacheHostPath?.startsWith("/") === false) read.fail("cache-host-path", "must be an absolute path");
  return {
    stepsImage: read.text("steps-image", "ghcr.io/kelvin/build-steps"),
    sourceBytesMax: readBytes(read, "source-bytes-max", "4Gi"),
    sourceFilesMax: readCount(read, "source-files-max", 500_000),
    gcsEndpoint: read.text("gcs-endpoint", "https://storage.googleapis.com"),
    cacheHostPath,
    cacheEndpoint,
    logBytesPerStepMax: readBytes(read, "log-bytes-per-step", "10Mi"),
    logBytesPerNamespaceMax: readBytes(read, "log-bytes-per-namespace", "1Gi"),
    logRetentionMs: read.durationMs("log-retention", 7 * 24 * 3_600_000),
  };
}

function readBytes(read: ConfigReader, key: string, fallback: string): number {
  const bytes = Number(parseQuantity(read.quantity(key) ?? fallback));
  return bytes > 0 ? bytes : read.fail(key, "must be more than 0");
}

function readCount(read: ConfigReader, key: string, fallback: number): number {
  const count = read.integer(key, fallback);
  return count > 0 ? count : read.fail(key, `must be more than 0, was ${count}`);
}
