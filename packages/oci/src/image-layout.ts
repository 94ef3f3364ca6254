import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openContentStore, syncPath, type ContentStore } from "./content-store.ts";
import { OciError } from "./errors.ts";
import { parseManifest, type Descriptor } from "./manifest.ts";
import { mediaTypes } from "./media-types.ts";

/** An OCI image layout: a directory of images by name, which skopeo and others read and write too. */
export interface ImageLayout {
  readonly store: ContentStore;
  /** The manifest or index of a name; undefined when there is none. @throws OciError `InvalidContent`. */
  find(name: string): Promise<Descriptor | undefined>;
  /** Names a manifest that is in the store; another of that name loses it. One process may write at a time. */
  put(name: string, manifest: Descriptor): Promise<void>;
}

const nameAnnotation = "org.opencontainers.image.ref.name";

/** Opens a layout; the directory is made if it is missing. */
export function openImageLayout(directory: string): ImageLayout {
  const store = openContentStore(directory);
  const indexPath = join(directory, "index.json");
  return {
    store,
    async find(name) {
      return (await readIndex(indexPath)).find(({ annotations }) => annotations?.[nameAnnotation] === name);
    },
    async put(name, manifest) {
      const others = (await readIndex(indexPath)).filter(({ annotations }) => annotations?.[nameAnnotation] !== name);
      const named = { ...manifest, annotations: { ...manifest.annotations, [nameAnnotation]: name } };
      await replaceFile(store, join(directory, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
      const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [...others, named] };
      await replaceFile(store, indexPath, JSON.stringify(index));
    },
  };
}

async function readIndex(path: string): Promise<readonly Descriptor[]> {
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (bytes === undefined) return [];
  const index = parseManifest(bytes, mediaTypes.ociIndex);
  if ("manifests" in index) return index.manifests;
  throw new OciError("InvalidContent", `${path} is no image index`);
}

async function replaceFile(store: ContentStore, path: string, text: string): Promise<void> {
  const temporary = store.temporaryPath();
  await writeFile(temporary, text, { flag: "wx" });
  await syncPath(temporary);
  await rename(temporary, path);
  await syncPath(join(path, ".."));
}
