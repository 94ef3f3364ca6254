import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { isDigest, parseImageReference } from "@kelvin/oci";
import type { ImageReference, RegistryClient } from "@kelvin/oci";
import { computeKey } from "../cache/cache-key.ts";

/** All that an image is made of, so that the same of it need not be built again. */
export interface BuildInput {
  readonly directory: string;
  readonly dockerfile: string;
  /** Stage, build arguments and whatever else was asked for. */
  readonly options: readonly string[];
}

/**
 * The hash of all files, options and base images, or undefined where that cannot be told beforehand: a base that is named
 * by a variable, or that its registry does not have.
 */
export async function fingerprint(
  client: RegistryClient,
  input: BuildInput,
  signal: AbortSignal,
): Promise<string | undefined> {
  const bases = findBases(await readFile(input.dockerfile, "utf8"));
  if (bases === undefined) return undefined;
  const hash = createHash("sha256").update(JSON.stringify([input.dockerfile, ...input.options]));
  for (const base of bases) {
    const manifest = await client.findManifest(parseImageReference(base), signal);
    if (manifest === undefined) return undefined;
    hash.update(manifest.digest);
  }
  const { key } = await computeKey({ workspace: input.directory, globs: ["**"], paths: [] }, signal);
  return hash.update(key).digest("hex");
}

/** The images that a Dockerfile starts from and copies from; undefined when a variable is in one of their names. */
export function findBases(text: string): string[] | undefined {
  const joined = text.replaceAll(/\\\r?\n/g, " ");
  const stages = new Set(["scratch"]);
  const bases = new Set<string>();
  for (const [, image = "", stage = ""] of joined.matchAll(/^\s*FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?/gim)) {
    if (!stages.has(image.toLowerCase())) bases.add(image);
    if (stage !== "") stages.add(stage.toLowerCase());
  }
  for (const [, image = ""] of joined.matchAll(/\bfrom=([^\s,]+)/g)) {
    if (!stages.has(image.toLowerCase()) && !/^\d+$/.test(image)) bases.add(image);
  }
  return [...bases].some((base) => base.includes("$")) ? undefined : [...bases];
}

/** The digest that a build of the same fingerprint has pushed, if its registry still has it; the name then leads to it again. */
export async function reuseImage(
  client: RegistryClient,
  { file, mark, target }: { readonly file: string; readonly mark: string; readonly target: ImageReference },
  signal: AbortSignal,
): Promise<string | undefined> {
  const digest = await readRecord(file, mark);
  if (digest === undefined) return undefined;
  const { registry, repository } = target;
  const known = { registry, repository, digest };
  if ((await client.findManifest(known, signal)) === undefined) return undefined;
  await client.putManifest(target, await client.getManifest(known, signal), signal);
  return digest;
}

async function readRecord(file: string, mark: string): Promise<string | undefined> {
  try {
    const record = JSON.parse(await readFile(file, "utf8")) as { fingerprint?: unknown; digest?: unknown };
    const { digest } = record;
    return record.fingerprint === mark && typeof digest === "string" && isDigest(digest) ? digest : undefined;
  } catch {
    // None yet, or none that can be read: then the image is built.
    return undefined;
  }
}

/** Writes what `reuseImage` reads. */
export async function writeRecord(file: string, mark: string, digest: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, JSON.stringify({ fingerprint: mark, digest }));
}
