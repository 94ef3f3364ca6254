import type { ContentStore } from "./content-store.ts";
import { defaultArchiveLimits } from "./decompress.ts";
import { OciError } from "./errors.ts";
import type { ImageReference } from "./image-reference.ts";
import {
  isIndex,
  parseImageConfig,
  parseManifest,
  type Descriptor,
  type ImageConfig,
  type ImageManifest,
  type Platform,
} from "./manifest.ts";
import { isLayerType } from "./media-types.ts";
import { localPlatform, pickPlatform } from "./platform.ts";
import type { ReceivedManifest, RegistryClient } from "./registry-client.ts";
import { unpackLayer, type UnpackOptions } from "./unpack-layer.ts";

/** One image for one platform, whose content is in a store. */
export interface PulledImage {
  /** What was asked for, with the digest that it led to. */
  readonly reference: ImageReference & { readonly digest: string };
  /** The manifest's own descriptor: another digest than the reference's where that names an index. */
  readonly descriptor: Descriptor;
  readonly manifest: ImageManifest;
  readonly config: ImageConfig;
}

/** How an image is pulled. */
export interface PullOptions {
  readonly store: ContentStore;
  /** Default: that of this machine. */
  readonly platform?: Platform;
  /** Compressed bytes of all layers together. Default 16 GiB. */
  readonly bytesMax?: number;
  readonly signal: AbortSignal;
}

/** How an image is unpacked. */
export interface UnpackImageOptions extends UnpackOptions {
  readonly store: ContentStore;
}

const bytesMaxDefault = 16 * 1024 ** 3;
const configBytesMax = 8 * 1024 * 1024;
const indexDepthMax = 2;
const downloadsMax = 3;

/**
 * Pulls an image into a store: manifest, configuration and layers, each checked by digest and size. What the store has is not
 * fetched again, so a pull that was killed goes on where it was.
 *
 * @throws OciError, whose code says what to do; the signal's reason when it aborts.
 */
export async function pullImage(
  client: RegistryClient,
  reference: ImageReference,
  options: PullOptions,
): Promise<PulledImage> {
  const { store, signal } = options;
  const asked = await client.getManifest(reference, signal);
  const { descriptor, manifest, bytes } = await findImage(client, { reference, received: asked, options });
  checkLayers(manifest, { reference, bytesMax: options.bytesMax ?? bytesMaxDefault });
  await store.write(manifest.config, () => client.readBlob(reference, manifest.config, signal));
  const config = parseImageConfig(await readSmall(store, manifest.config.digest));
  if (config.diffIds.length !== manifest.layers.length) {
    throw new OciError(
      "InvalidContent",
      `${reference.repository}: ${manifest.layers.length} layers, but ${config.diffIds.length} diff_ids`,
    );
  }
  await downloadLayers(
    manifest.layers,
    async (layer, layerSignal) => {
      await store.write(layer, () => client.readBlob(reference, layer, layerSignal));
    },
    signal,
  );
  // Last, so that a manifest in the store means a whole image.
  await store.write(descriptor, () => oneChunk(bytes));
  return { reference: { ...reference, digest: asked.descriptor.digest }, descriptor, manifest, config };
}

/**
 * The image of a manifest that an earlier pull has brought into the store; undefined when anything of it is missing.
 * @throws OciError `InvalidContent` when the store's content is no image.
 */
export async function findPulledImage(
  store: ContentStore,
  { reference, descriptor }: Pick<PulledImage, "reference" | "descriptor">,
): Promise<PulledImage | undefined> {
  if (!(await store.has(descriptor))) return undefined;
  const manifest = parseManifest(await readSmall(store, descriptor.digest), descriptor.mediaType);
  if (isIndex(manifest)) throw new OciError("InvalidContent", `${descriptor.digest} is an index, not an image`);
  for (const content of [manifest.config, ...manifest.layers]) {
    if (!(await store.has(content))) return undefined;
  }
  return { reference, descriptor, manifest, config: parseImageConfig(await readSmall(store, manifest.config.digest)) };
}

/**
 * Unpacks all layers of a pulled image into an empty directory, lowest first; each is checked against the configuration.
 * The limits are those of the whole image.
 *
 * @throws as `unpackLayer`; the directory must then be thrown away.
 */
export async function unpackImage(
  { manifest, config }: Pick<PulledImage, "manifest" | "config">,
  directory: string,
  { store, limits, ...options }: UnpackImageOptions,
): Promise<{ bytes: number; entries: number; skipped: number }> {
  const total = { bytes: 0, entries: 0, skipped: 0 };
  const all = { ...defaultArchiveLimits, ...limits };
  for (const [index, layer] of manifest.layers.entries()) {
    const diffId = config.diffIds[index];
    const report = await unpackLayer(store.read(layer.digest), directory, {
      ...options,
      limits: { ...all, bytesMax: all.bytesMax - total.bytes, entriesMax: all.entriesMax - total.entries },
      ...(diffId === undefined ? {} : { diffId }),
    });
    total.bytes += report.bytes;
    total.entries += report.entries;
    total.skipped += report.skipped;
  }
  return total;
}

interface Search {
  readonly reference: ImageReference;
  readonly received: ReceivedManifest;
  readonly options: PullOptions;
}

async function findImage(
  client: RegistryClient,
  { reference, received, options }: Search,
): Promise<ReceivedManifest & { manifest: ImageManifest }> {
  let at = received;
  for (let depth = 0; isIndex(at.manifest); depth++) {
    if (depth === indexDepthMax) {
      throw new OciError(
        "InvalidContent",
        `${reference.repository}: indexes are nested more than ${indexDepthMax} deep`,
      );
    }
    const { digest } = pickPlatform(at.manifest, options.platform ?? localPlatform());
    at = await client.getManifest({ ...reference, digest }, options.signal);
  }
  return { ...at, manifest: at.manifest };
}

function checkLayers(
  { layers, config }: ImageManifest,
  { reference, bytesMax }: { reference: ImageReference; bytesMax: number },
): void {
  const strange = layers.find(({ mediaType }) => !isLayerType(mediaType));
  if (strange !== undefined) {
    throw new OciError(
      "InvalidContent",
      `${reference.repository}: its content is ${strange.mediaType}, which no container can be made of`,
    );
  }
  const bytes = layers.reduce((sum, { size }) => sum + size, 0);
  if (bytes > bytesMax) {
    throw new OciError(
      "UnsafeContent",
      `${reference.repository}: its layers have ${bytes} bytes, more than the ${bytesMax} allowed`,
    );
  }
  if (config.size > configBytesMax) {
    throw new OciError(
      "UnsafeContent",
      `${reference.repository}: its configuration is larger than ${configBytesMax} bytes`,
    );
  }
}

/** Some at a time; the first failure ends the others. */
async function downloadLayers(
  layers: readonly Descriptor[],
  download: (layer: Descriptor, signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const queue = [...new Map(layers.map((layer) => [layer.digest, layer])).values()].values();
  const work = async (): Promise<void> => {
    for (const layer of queue) {
      either.throwIfAborted();
      await download(layer, either);
    }
  };
  const workers = Array.from({ length: downloadsMax }, () =>
    work().catch((error: unknown) => {
      failed.abort(error);
      throw error;
    }),
  );
  await Promise.allSettled(workers);
  await Promise.all(workers);
}

async function readSmall(store: ContentStore, digest: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of store.read(digest)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function* oneChunk(bytes: Uint8Array): AsyncGenerator<Uint8Array, void> {
  yield bytes;
}
