import { readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { isDigest } from "@kelvin/oci/content";
import type { Clock } from "../clock.ts";
import { ifMissing } from "./durable-file.ts";
import type { Storage } from "./storage.ts";

/** How long things stay that nothing refers to. */
export interface Graces {
  /** Blobs: long enough for a push to write the manifest after them. */
  readonly blobMs: number;
  /** Uploads to which nothing comes, and temporary files of a process that was killed. */
  readonly uploadMs: number;
}

export const defaultGraces: Graces = { blobMs: 60 * 60 * 1000, uploadMs: 24 * 60 * 60 * 1000 };

/** What a collection removed. */
export interface Collected {
  readonly links: number;
  readonly blobs: number;
}

/**
 * Removes what no manifest refers to and nobody asked for within the grace. Manifests without a tag stay: workloads name
 * images by digest. It may run beside pushes, which touch what they find; killed anywhere, the next one goes on.
 */
export async function collectGarbage(
  storage: Storage,
  { clock, graces = defaultGraces }: { readonly clock: Clock; readonly graces?: Graces },
): Promise<Collected> {
  const beforeMs = clock.nowMs() - graces.blobMs;
  await storage.uploads.expire(clock.nowMs() - graces.uploadMs);
  await storage.content.sweep(clock.nowMs() - graces.uploadMs);
  const kept = new Set<string>();
  const links = await collectLinks(storage, { beforeMs, kept });
  return { links, blobs: await collectBlobs(storage, { beforeMs, kept }) };
}

interface Round {
  readonly beforeMs: number;
  /** Digests of content that something still names. */
  readonly kept: Set<string>;
}

async function collectLinks(storage: Storage, { beforeMs, kept }: Round): Promise<number> {
  const { repositories } = storage;
  let links = 0;
  for (const repository of await repositories.names("any")) {
    const referenced = await findReferenced(repository, storage);
    for (const digest of referenced) kept.add(digest);
    for (const digest of await repositories.blobs(repository)) {
      const link = repositories.blobLink(repository, digest);
      if (!referenced.has(digest) && (await removeIfOlder(link, { beforeMs, storage }))) links++;
      else kept.add(digest);
    }
  }
  return links;
}

async function collectBlobs(storage: Storage, { beforeMs, kept }: Round): Promise<number> {
  const { content } = storage;
  let blobs = 0;
  for (const algorithm of ["sha256", "sha512"]) {
    for (const name of (await readdir(join(content.directory, "blobs", algorithm)).catch(ifMissing)) ?? []) {
      const digest = `${algorithm}:${name}`;
      if (!isDigest(digest) || kept.has(digest)) continue;
      if (await removeIfOlder(content.pathOf(digest), { beforeMs, storage })) blobs++;
    }
  }
  return blobs;
}

/** Moves a file away before it looks at its age: whoever touched it in time did so before, and gets it back. */
async function removeIfOlder(
  path: string,
  { beforeMs, storage }: { beforeMs: number; storage: Storage },
): Promise<boolean> {
  if (!(await isOlder(path, beforeMs))) return false;
  const aside = storage.content.temporaryPath();
  await rename(path, aside);
  if (await isOlder(aside, beforeMs)) {
    await rm(aside);
    return true;
  }
  await rename(aside, path);
  return false;
}

async function findReferenced(
  repository: string,
  { content, repositories }: Pick<Storage, "content" | "repositories">,
): Promise<Set<string>> {
  const referenced = new Set<string>();
  for (const digest of await repositories.manifests(repository)) {
    referenced.add(digest);
    const text = await readFile(content.pathOf(digest), "utf8").catch(ifMissing);
    if (text === undefined) continue;
    const { config, layers, blobs } = JSON.parse(text) as {
      config?: { digest?: string };
      layers?: readonly { digest?: string }[];
      blobs?: readonly { digest?: string }[];
    };
    for (const descriptor of [config, ...(layers ?? []), ...(blobs ?? [])]) {
      if (descriptor?.digest !== undefined) referenced.add(descriptor.digest);
    }
  }
  return referenced;
}

async function isOlder(path: string, beforeMs: number): Promise<boolean> {
  const found = await stat(path).catch(ifMissing);
  return found !== undefined && found.mtimeMs < beforeMs;
}
