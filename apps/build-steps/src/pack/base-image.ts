import {
  isIndex,
  localPlatform,
  parseImageConfig,
  parseImageReference,
  parseManifest,
  pickPlatform,
} from "@kelvin/oci";
import type { Descriptor, ImageReference, ImageManifest, Platform, RegistryClient } from "@kelvin/oci";
import { StepFailure } from "../step-failure.ts";
import type { BaseConfig } from "./image-config.ts";

/** An image that another is put on. Its layers stay where they are until the target asks for them. */
export interface BaseImage extends BaseConfig {
  /** Undefined from scratch. */
  readonly reference: (ImageReference & { readonly digest: string }) | undefined;
  readonly layers: readonly Descriptor[];
}

const configBytesMax = 8 * 1024 * 1024;

/** Finds out what the base image is. `scratch` is none at all. */
export async function readBaseImage(client: RegistryClient, name: string, signal: AbortSignal): Promise<BaseImage> {
  if (name === "scratch") {
    return { reference: undefined, platform: localPlatform(), fields: {}, diffIds: [], history: [], layers: [] };
  }
  const reference = parseImageReference(name);
  const asked = await client.getManifest(reference, signal);
  const manifest = isIndex(asked.manifest)
    ? await readForPlatform(client, reference, { descriptor: pickPlatform(asked.manifest, localPlatform()), signal })
    : asked.manifest;
  const bytes = await readConfig(client, reference, { manifest, signal });
  const config = parseImageConfig(bytes);
  return {
    reference: { ...reference, digest: asked.descriptor.digest },
    platform: config.platform satisfies Platform,
    fields: JSON.parse(bytes.toString()) as Record<string, unknown>,
    diffIds: config.diffIds,
    history: config.history,
    layers: manifest.layers,
  };
}

async function readForPlatform(
  client: RegistryClient,
  { registry, repository }: ImageReference,
  { descriptor, signal }: { descriptor: Descriptor; signal: AbortSignal },
): Promise<ImageManifest> {
  const { bytes } = await client.getManifest({ registry, repository, digest: descriptor.digest }, signal);
  const manifest = parseManifest(bytes, descriptor.mediaType);
  if (!isIndex(manifest)) return manifest;
  throw new StepFailure(
    "ImageInvalid",
    `${repository}@${descriptor.digest} is an index in an index; use another base image`,
  );
}

async function readConfig(
  client: RegistryClient,
  reference: ImageReference,
  { manifest, signal }: { manifest: ImageManifest; signal: AbortSignal },
): Promise<Buffer> {
  if (manifest.config.size > configBytesMax) {
    throw new StepFailure("ImageInvalid", `the configuration of ${reference.repository} is larger than 8 MiB`);
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of client.readBlob(reference, manifest.config, signal)) chunks.push(chunk);
  return Buffer.concat(chunks);
}
