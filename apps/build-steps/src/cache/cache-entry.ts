import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packLayer, unpackLayer } from "@kelvin/oci";
import { pathBytesMax, ratioMax } from "../archive/unpack.ts";
import { stageInto } from "../workspace/staging.ts";
import type { CacheStore } from "./cache-store.ts";
import { findExisting } from "./kept-paths.ts";
import type { CacheRoots, KeptPaths } from "./kept-paths.ts";

/** One archive of an entry: what was kept of one place. */
export interface CacheArchive {
  readonly root: keyof CacheRoots;
  /** `sha256:…` of the archive as it is stored. */
  readonly digest: string;
  readonly size: number;
  /** Of the archive when it is unpacked. */
  readonly diffId: string;
}

/** What the store says of an entry. */
export interface CacheEntry {
  readonly archives: readonly CacheArchive[];
}

/** The problem of a key that no build has kept anything for. */
export const nothingKept = "nothing is kept for it";

/** Where an entry is, and within which bounds. */
export interface EntryPlace {
  readonly store: CacheStore;
  readonly roots: CacheRoots;
  /** `<scope>/<branch>/<key>`. */
  readonly name: string;
  readonly bytesMax: number;
  readonly signal: AbortSignal;
}

/** Puts an entry into its places, all of it or nothing. Resolves with its size, or with why it cannot be used. */
export async function restoreEntry(place: EntryPlace): Promise<{ bytes: number } | { problem: string }> {
  const { store, name, roots, bytesMax, signal } = place;
  const text = await store.readText(`${name}.json`);
  if (text === undefined) return { problem: nothingKept };
  const entry = parseEntry(text);
  if (entry === undefined) return { problem: "its entry is damaged" };
  const scratch = await mkdtemp(join(tmpdir(), "kelvin-cache-"));
  try {
    for (const { root, digest, size } of entry.archives) {
      const file = join(scratch, root);
      if (!(await store.readFile(`${name}.${root}.tar.gz`, file, Math.min(size, bytesMax)))) {
        return { problem: "a part of its entry is gone or too large" };
      }
      if ((await hashFile(file)) !== digest) return { problem: "its entry is damaged: it has another digest" };
    }
    for (const { root, diffId } of entry.archives) {
      const limits = { bytesMax: bytesMax * 4, entriesMax: 2_000_000, ratioMax, pathBytesMax };
      await stageInto(roots[root], [], async ({ dir }) => {
        const options = { owners: "self", isShared: true, diffId, limits, signal } as const;
        await unpackLayer(createReadStream(join(scratch, root)), dir, options);
      });
    }
    for (const part of [`${name}.json`, ...entry.archives.map(({ root }) => `${name}.${root}.tar.gz`)]) {
      await store.touch(part);
    }
    return { bytes: entry.archives.reduce((sum, { size }) => sum + size, 0) };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Keeps what is there of the paths. The entry's own file comes last: without it nothing of the rest counts. */
export async function saveEntry(
  place: EntryPlace,
  kept: readonly KeptPaths[],
): Promise<{ bytes: number } | { problem: string }> {
  const { store, name, roots, bytesMax, signal } = place;
  const scratch = await mkdtemp(join(tmpdir(), "kelvin-cache-"));
  try {
    const archives: CacheArchive[] = [];
    for (const { root, paths } of kept) {
      const only = await findExisting(roots[root], paths);
      if (only.length === 0) continue;
      const layer = await packLayer(roots[root], join(scratch, root), { only, compressionLevel: 3, signal });
      const { digest, size } = layer.descriptor;
      archives.push({ root, digest, size, diffId: layer.diffId });
    }
    const bytes = archives.reduce((sum, { size }) => sum + size, 0);
    if (archives.length === 0) return { problem: "none of the paths is there" };
    if (bytes > bytesMax) return { problem: `it is larger than the ${bytesMax} bytes that an entry may have` };
    for (const { root } of archives) await store.writeFile(`${name}.${root}.tar.gz`, join(scratch, root));
    await store.writeText(`${name}.json`, JSON.stringify({ archives } satisfies CacheEntry));
    return { bytes };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** The entry that a store's text says, or undefined when it says none: stores are not trusted. */
export function parseEntry(text: string): CacheEntry | undefined {
  try {
    const value = JSON.parse(text) as { archives?: unknown } | null;
    const archives = value?.archives;
    if (!Array.isArray(archives) || archives.length < 1 || archives.length > 2) return undefined;
    if (!archives.every(isArchive) || new Set(archives.map(({ root }) => root)).size < archives.length)
      return undefined;
    return { archives };
  } catch {
    // Damaged, as the caller says.
    return undefined;
  }
}

function isArchive(value: unknown): value is CacheArchive {
  if (typeof value !== "object" || value === null) return false;
  const { root, digest, size, diffId } = value as Partial<Record<keyof CacheArchive, unknown>>;
  const isDigest = (text: unknown): boolean => typeof text === "string" && /^sha256:[0-9a-f]{64}$/.test(text);
  return (
    (root === "workspace" || root === "home") && isDigest(digest) && isDigest(diffId) && Number.isSafeInteger(size)
  );
}

async function hashFile(file: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) hash.update(chunk);
  return `sha256:${hash.digest("hex")}`;
}
