import { isDigest, mediaTypes } from "@kelvin/oci/content";
import { RegistryError } from "./registry-error.ts";

/** What the registry must know of a manifest that comes in; the rest is between those who push and pull it. */
export interface PushedManifest {
  readonly mediaType: string;
  /** Digests of blobs that must be there. Manifests that an index lists need not: some are copied only in part. */
  readonly blobs: readonly string[];
  readonly subject: string | undefined;
  readonly referrer: { readonly artifactType?: string; readonly annotations?: Readonly<Record<string, string>> };
}

const typesOfImages: ReadonlySet<string> = new Set([mediaTypes.ociManifest, mediaTypes.dockerManifest]);
const typesOfIndexes: ReadonlySet<string> = new Set([mediaTypes.ociIndex, mediaTypes.dockerIndex]);

/** Parses a manifest. @throws RegistryError `MANIFEST_INVALID` naming the field that is wrong. */
export function parsePushedManifest(bytes: Buffer, contentType: string | undefined): PushedManifest {
  const content = parseRecord(bytes);
  const mediaType = typeOf(content, contentType?.split(";")[0]?.trim());
  if (content["schemaVersion"] !== 2) fail("schemaVersion must be 2");
  const isImage = typesOfImages.has(mediaType);
  if (isImage !== "layers" in content || !isImage !== "manifests" in content) {
    fail(`it is no ${mediaType}: ${isImage ? "layers are" : "manifests is"} missing, or it has both`);
  }
  if (!isImage) listOf(content["manifests"], "manifests").forEach((entry, i) => digestIn(entry, `manifests[${i}]`));
  const layers = isImage ? listOf(content["layers"], "layers") : [];
  const blobs = layers.flatMap((layer, i) => (isForeign(layer) ? [] : [digestIn(layer, `layers[${i}]`)]));
  const { subject } = content;
  return {
    mediaType,
    blobs: isImage ? [digestIn(content["config"], "config"), ...blobs] : [],
    subject: subject === undefined || subject === null ? undefined : digestIn(subject, "subject"),
    referrer: referrerOf(content),
  };
}

function typeOf({ mediaType }: Record<string, unknown>, contentType: string | undefined): string {
  const type = contentType === undefined || contentType === "" ? mediaType : contentType;
  if (typeof type !== "string" || !(typesOfImages.has(type) || typesOfIndexes.has(type))) {
    return fail(
      `Content-Type ${JSON.stringify(type)} is no manifest that this registry keeps: push an OCI or Docker v2 image`,
    );
  }
  if (mediaType !== undefined && mediaType !== type) {
    fail(`its mediaType is ${JSON.stringify(mediaType)}, but its Content-Type ${type}`);
  }
  return type;
}

function referrerOf(content: Record<string, unknown>): PushedManifest["referrer"] {
  const { artifactType, annotations, config } = content;
  const type = typeof artifactType === "string" && artifactType !== "" ? artifactType : typeOfConfig(config);
  return {
    ...(type === undefined ? {} : { artifactType: type }),
    ...(isRecord(annotations) ? { annotations: annotations as Record<string, string> } : {}),
  };
}

function typeOfConfig(config: unknown): string | undefined {
  return isRecord(config) && typeof config["mediaType"] === "string" ? config["mediaType"] : undefined;
}

/** Layers that are elsewhere, by their URLs, and may not be handed on. */
function isForeign(layer: unknown): boolean {
  return isRecord(layer) && Array.isArray(layer["urls"]) && layer["urls"].length > 0;
}

function digestIn(descriptor: unknown, path: string): string {
  const digest = isRecord(descriptor) ? descriptor["digest"] : undefined;
  return typeof digest === "string" && isDigest(digest) ? digest : fail(`${path}.digest is no sha256 or sha512 digest`);
}

function listOf(value: unknown, path: string): readonly unknown[] {
  return Array.isArray(value) ? value : fail(`${path} must be a list`);
}

function parseRecord(bytes: Buffer): Record<string, unknown> {
  try {
    const content: unknown = JSON.parse(bytes.toString());
    if (isRecord(content)) return content;
  } catch {
    // Said below, as for other content that is no object.
  }
  return fail("it is no JSON object");
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function fail(why: string): never {
  throw new RegistryError("MANIFEST_INVALID", `the manifest cannot be taken: ${why}`);
}
