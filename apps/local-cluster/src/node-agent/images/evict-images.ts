import { existsSync } from "node:fs";
import { readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { openContentStore } from "@kelvin/oci";
import { imagePlaces, type UnpackedImage } from "./pull-job.ts";

export interface EvictionOptions {
  readonly directory: string;
  readonly bytesMax: number;
  readonly isUsed: (key: string) => boolean;
  /** What a pull has left half done before then is left for good: it was killed. Unix time. */
  readonly abandonedBeforeMs: number;
}

interface Kept extends UnpackedImage {
  readonly usedMs: number;
}

/**
 * Removes what is the longest unused until the rest is within the limit: unpacked images that no Pod uses, and blobs that no
 * image is made of. Killed at any line it leaves less, but nothing in part: a directory is renamed before it is removed.
 */
export async function evictImages({ directory, bytesMax, isUsed, abandonedBeforeMs }: EvictionOptions): Promise<void> {
  const roots = join(directory, imagePlaces.roots);
  const images = (await readImages(roots)).toSorted((a, b) => a.usedMs - b.usedMs);
  const store = openContentStore(directory);
  await store.sweep(abandonedBeforeMs);
  while (bytesOf(images) > bytesMax) {
    const index = images.findIndex(({ key }) => !isUsed(key));
    const [oldest] = index < 0 ? [] : images.splice(index, 1);
    if (oldest === undefined) return;
    const going = store.temporaryPath();
    await rename(join(roots, oldest.key), going);
    const needed = new Set(images.flatMap(({ blobs }) => blobs.map(({ digest }) => digest)));
    const unneeded = oldest.blobs.filter(({ digest }) => !needed.has(digest));
    await Promise.all(unneeded.map(({ digest }) => rm(store.pathOf(digest), { force: true })));
    await rm(going, { recursive: true, force: true });
  }
}

async function readImages(roots: string): Promise<Kept[]> {
  if (!existsSync(roots)) return [];
  return Promise.all(
    (await readdir(roots)).map(async (key) => {
      const image = JSON.parse(await readFile(join(roots, key, "image.json"), "utf8")) as UnpackedImage;
      return { ...image, usedMs: (await stat(join(roots, key))).mtimeMs };
    }),
  );
}

/** Files, and every blob once: images share layers. */
function bytesOf(images: readonly Kept[]): number {
  const blobs = new Map(images.flatMap((image) => image.blobs.map(({ digest, size }) => [digest, size])));
  const files = images.reduce((sum, { bytes }) => sum + bytes, 0);
  return [...blobs.values()].reduce((sum, size) => sum + size, files);
}
