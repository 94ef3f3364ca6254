import { mkdir, readFile, rename, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { StepFailure } from "../step-failure.ts";
import { spend } from "../workspace/limits.ts";
import type { Budget } from "../workspace/limits.ts";
import { splitPath } from "../workspace/safe-path.ts";
import type { Stage } from "../workspace/staging.ts";
import { download } from "./download.ts";
import type { DownloadOptions } from "./download.ts";
import { parseLocation } from "./location.ts";
import type { BucketOptions } from "./location.ts";

const manifestBytesMax = 64 * 1024 * 1024;
const downloadsAtOnce = 16;

/** One file that a manifest lists. */
export interface ManifestEntry {
  /** Components of its place below the target. */
  readonly path: readonly string[];
  readonly sourceUrl: string;
  /** Undefined: the manifest does not say. */
  readonly sha1: string | undefined;
}

/** Parses a manifest: `{"dest/path": {"sourceUrl": "gs://bucket/object", "sha1sum": "…"}}`. @throws StepFailure naming what is wrong. */
export function parseManifest(text: string): ManifestEntry[] {
  const value = parseJson(text);
  if (!isObject(value)) throw invalid("must be a JSON object of files by their path");
  return Object.entries(value).map(([path, file]) => {
    if (!isObject(file) || typeof file["sourceUrl"] !== "string")
      throw invalid(`gives ${JSON.stringify(path)} no sourceUrl`);
    const sha1 = file["sha1sum"] ?? file["sha1Sum"];
    if (sha1 !== undefined && sha1 !== "" && (typeof sha1 !== "string" || !/^[0-9a-fA-F]{40}$/.test(sha1))) {
      throw invalid(`gives ${JSON.stringify(path)} a sha1sum that is not 40 hexadecimal digits`);
    }
    const parts = splitPath(path, "a path of the manifest");
    if (parts.length === 0) throw invalid(`gives ${JSON.stringify(path)} no name`);
    return {
      path: parts,
      sourceUrl: file["sourceUrl"],
      sha1: typeof sha1 === "string" && sha1 !== "" ? sha1.toLowerCase() : undefined,
    };
  });
}

/** Downloads all files of a manifest, some at a time, into the stage. */
export async function fetchManifest(
  manifestFile: string,
  { dir, scratch }: Stage,
  { options, bucket, budget }: { options: DownloadOptions; bucket: BucketOptions; budget: Budget },
): Promise<void> {
  if ((await stat(manifestFile)).size > manifestBytesMax) throw invalid("is larger than 64 MiB");
  const entries = parseManifest(await readFile(manifestFile, "utf8"));
  spend(budget, 0, entries.length);
  const queue = entries.entries();
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  const work = async (): Promise<void> => {
    for (const [index, entry] of queue) {
      signal.throwIfAborted();
      const file = join(scratch, `file-${index}`);
      const got = await download(await parseLocation(entry.sourceUrl, bucket), file, { ...options, signal });
      spend(budget, got.bytes, 0);
      if (entry.sha1 !== undefined && entry.sha1 !== got.sha1) {
        throw new StepFailure(
          "ChecksumMismatch",
          `${entry.sourceUrl} has the sha1 ${got.sha1}, the manifest says ${entry.sha1}; correct the manifest or the file`,
        );
      }
      const place = join(dir, ...entry.path);
      await mkdir(dirname(place), { recursive: true });
      await rename(file, place);
    }
  };
  try {
    await Promise.all(Array.from({ length: downloadsAtOnce }, work));
  } finally {
    stop.abort();
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw invalid("is not JSON");
  }
}

function invalid(what: string): StepFailure {
  return new StepFailure("ManifestInvalid", `the manifest ${what}; correct it`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
