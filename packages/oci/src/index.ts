// Images by name and their content.
export { OciError } from "./errors.ts";
export type { OciErrorCode } from "./errors.ts";
export { complainOfRepository, formatImageReference, isDigest, isTag, parseImageReference } from "./image-reference.ts";
export type { ImageReference } from "./image-reference.ts";
export { findPulledImage, pullImage, unpackImage } from "./image.ts";
export type { PulledImage, PullOptions, UnpackImageOptions } from "./image.ts";
export { openContentStore, syncPath } from "./content-store.ts";
export type { ContentStore } from "./content-store.ts";

// Registries.
export { openRegistryClient } from "./registry-client.ts";
export type { ReceivedManifest, RegistryClient, RegistryClientOptions, Repository } from "./registry-client.ts";
export type { BlobUpload } from "./blob-upload.ts";
export { parseDockerConfig } from "./registry-credential.ts";
export type { RegistryCredential } from "./registry-credential.ts";
export { localRegistryNames } from "./registry-endpoint.ts";
export type { EndpointOptions } from "./registry-endpoint.ts";

// Formats.
export { isIndex, parseImageConfig, parseManifest } from "./manifest.ts";
export type { ContainerConfig, Descriptor, ImageConfig, ImageIndex, ImageManifest, Platform } from "./manifest.ts";
export { isIndexType, isManifestType, mediaTypes } from "./media-types.ts";
export { localPlatform, pickPlatform } from "./platform.ts";
export { digestOf, openDigestMeter } from "./digest.ts";
export type { DigestMeter } from "./digest.ts";
export { unpackLayer } from "./unpack-layer.ts";
export type { UnpackOptions, UnpackReport } from "./unpack-layer.ts";
export type { ArchiveLimits } from "./decompress.ts";
export { packEntries, packLayer } from "./pack-layer.ts";
export type { CompressOptions, PackedLayer, PackOptions } from "./pack-layer.ts";
export type { LayerEntry } from "./layer-entries.ts";
export { openImageLayout } from "./image-layout.ts";
export type { ImageLayout } from "./image-layout.ts";
export { readTar } from "./tar-entries.ts";
export type { TarEntry } from "./tar-entries.ts";
