import { createReadStream } from "node:fs";
import { digestOf, mediaTypes } from "@kelvin/oci";
import type { BlobUpload, Descriptor, ImageReference, PackedLayer, RegistryClient } from "@kelvin/oci";
import type { CommandContext } from "../command.ts";
import { formatBytes } from "../workspace/limits.ts";
import type { BaseImage } from "./base-image.ts";

/** An image that is put together and not yet pushed. */
export interface NewImage {
  readonly base: BaseImage;
  /** On top of the base's, lowest first. */
  readonly layers: readonly (PackedLayer & { readonly file: string })[];
  /** The configuration, as JSON. */
  readonly config: string;
}

/** Layers of Docker's types are the same bytes as OCI's, which an OCI manifest should name. */
const ociTypes: Readonly<Record<string, string>> = {
  [mediaTypes.dockerLayerGzip]: mediaTypes.ociLayerGzip,
  [mediaTypes.dockerLayerZstd]: mediaTypes.ociLayerZstd,
};

/** Pushes all that the registry does not have, the manifest last: what was killed half-way has changed nothing. Returns the digest. */
export async function pushImage(
  client: RegistryClient,
  target: ImageReference,
  { image, context }: { image: NewImage; context: CommandContext },
): Promise<string> {
  const { base, layers, config } = image;
  const { signal } = context;
  const configBytes = Buffer.from(config);
  const configDescriptor = { mediaType: mediaTypes.ociConfig, digest: digestOf(configBytes), size: configBytes.length };
  const uploads: BlobUpload[] = [
    ...base.layers.map((descriptor) => fromBase(client, descriptor, { base, target, signal })),
    ...layers.map(({ descriptor, file }) => ({ descriptor, read: () => createReadStream(file) })),
    { descriptor: configDescriptor, read: () => oneChunk(configBytes) },
  ];
  for (const upload of uploads) {
    const how = await client.writeBlob(target, upload, signal);
    const { digest, size } = upload.descriptor;
    context.say(`  ${digest.slice(7, 19)} ${formatBytes(size)}: ${how === "found" ? "already there" : how}`);
  }
  const bytes = Buffer.from(formatManifest(configDescriptor, uploads.slice(0, -1), base));
  const descriptor = { mediaType: mediaTypes.ociManifest, digest: digestOf(bytes), size: bytes.length };
  return await client.putManifest(target, { descriptor, bytes }, signal);
}

function fromBase(
  client: RegistryClient,
  descriptor: Descriptor,
  { base, target, signal }: { base: BaseImage; target: ImageReference; signal: AbortSignal },
): BlobUpload {
  const source = base.reference ?? target;
  const isSameRegistry = source.registry === target.registry;
  return {
    descriptor,
    read: () => client.readBlob(source, descriptor, signal),
    ...(isSameRegistry ? { mountFrom: source.repository } : {}),
  };
}

function formatManifest(config: Descriptor, layers: readonly BlobUpload[], base: BaseImage): string {
  const { reference } = base;
  const annotations =
    reference === undefined
      ? {}
      : {
          annotations: {
            "org.opencontainers.image.base.digest": reference.digest,
            "org.opencontainers.image.base.name": `${reference.registry}/${reference.repository}:${reference.tag ?? "latest"}`,
          },
        };
  return JSON.stringify({
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config,
    layers: layers.map(({ descriptor: { mediaType, digest, size } }) => ({
      mediaType: ociTypes[mediaType] ?? mediaType,
      digest,
      size,
    })),
    ...annotations,
  });
}

async function* oneChunk(bytes: Uint8Array): AsyncGenerator<Uint8Array, void> {
  yield await Promise.resolve(bytes);
}
