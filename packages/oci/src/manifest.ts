import { OciError } from "./errors.ts";
import { isDigest } from "./image-reference.ts";
import { isIndexType, isManifestType, mediaTypes } from "./media-types.ts";

/** Names some content: its type, digest and size. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** What an image runs on, in Go's names: `linux`, `amd64`. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

/** One image. */
export interface ImageManifest {
  readonly mediaType: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Several images of one name, mostly one a platform. */
export interface ImageIndex {
  readonly mediaType: string;
  readonly manifests: readonly (Descriptor & { readonly platform?: Platform })[];
}

/** How a container of the image is run; absent means the runtime's default. */
export interface ContainerConfig {
  readonly Env?: readonly string[];
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly WorkingDir?: string;
  readonly User?: string;
  readonly ExposedPorts?: Readonly<Record<string, object>>;
  readonly Labels?: Readonly<Record<string, string>>;
  readonly StopSignal?: string;
}

/** An image's configuration. */
export interface ImageConfig {
  readonly platform: Platform;
  readonly config: ContainerConfig;
  /** Digests of the uncompressed layers, lowest first. */
  readonly diffIds: readonly string[];
  readonly history: readonly Readonly<Record<string, unknown>>[];
}

const manifestsMax = 1000;
/** Docker's own limit is 127; some builders go a little beyond. */
const layersMax = 512;

/**
 * Parses a manifest or an index.
 *
 * @param mediaType what the registry called it; a generic type is taken from the content.
 * @throws OciError `InvalidContent` naming the field that is wrong.
 */
export function parseManifest(bytes: Uint8Array, mediaType: string): ImageManifest | ImageIndex {
  const content = parseRecord(bytes, "manifest");
  if (content["schemaVersion"] !== 2) {
    fail(`manifest: schemaVersion is ${JSON.stringify(content["schemaVersion"])}, expected 2: push the image anew`);
  }
  if ("layers" in content && "manifests" in content) fail("manifest: it has layers and manifests, which is ambiguous");
  const type = typeOf(content, mediaType);
  if (isIndexType(type)) {
    return { mediaType: type, manifests: listOf(content["manifests"], "manifests", manifestsMax).map(parseEntry) };
  }
  return {
    mediaType: type,
    config: parseDescriptor(content["config"], "config"),
    layers: listOf(content["layers"], "layers", layersMax).map((layer, i) => parseDescriptor(layer, `layers[${i}]`)),
    ...annotationsOf(content),
  };
}

/** Parses an image's configuration. @throws OciError `InvalidContent` naming the field that is wrong. */
export function parseImageConfig(bytes: Uint8Array): ImageConfig {
  const content = parseRecord(bytes, "image configuration");
  const rootfs = isRecord(content["rootfs"]) ? content["rootfs"] : {};
  const diffIds = listOf(rootfs["diff_ids"] ?? [], "rootfs.diff_ids", layersMax).map((id) => {
    if (typeof id !== "string" || !isDigest(id)) return fail("image configuration: rootfs.diff_ids must hold digests");
    return id;
  });
  const history = Array.isArray(content["history"]) ? content["history"].filter((entry) => isRecord(entry)) : [];
  return {
    platform: parsePlatform(content) ?? { os: "linux", architecture: "amd64" },
    config: parseContainerConfig(content["config"]),
    diffIds,
    history,
  };
}

/** Whether a manifest lists others. */
export function isIndex(manifest: ImageManifest | ImageIndex): manifest is ImageIndex {
  return "manifests" in manifest;
}

function typeOf(content: Record<string, unknown>, received: string): string {
  const declared = content["mediaType"];
  const known = [declared, received].find(
    (type) => typeof type === "string" && (isIndexType(type) || isManifestType(type)),
  );
  const guessed = "manifests" in content ? mediaTypes.ociIndex : mediaTypes.ociManifest;
  const type = typeof known === "string" ? known : guessed;
  if (isIndexType(type) !== "manifests" in content) fail(`manifest: it is no ${type}, whatever it says`);
  return type;
}

function parseEntry(entry: unknown, index: number): Descriptor & { platform?: Platform } {
  const platform = isRecord(entry) && isRecord(entry["platform"]) ? parsePlatform(entry["platform"]) : undefined;
  return { ...parseDescriptor(entry, `manifests[${index}]`), ...(platform === undefined ? {} : { platform }) };
}

function parsePlatform(value: Record<string, unknown>): Platform | undefined {
  const { os, architecture, variant } = value;
  if (typeof os !== "string" || typeof architecture !== "string") return undefined;
  return { os, architecture, ...(typeof variant === "string" && variant !== "" ? { variant } : {}) };
}

/** Parses a descriptor. @throws OciError `InvalidContent` naming the field that is wrong. */
export function parseDescriptor(value: unknown, path: string): Descriptor {
  if (!isRecord(value)) return fail(`manifest: ${path} must be a descriptor`);
  const { mediaType, digest, size } = value;
  if (typeof mediaType !== "string" || mediaType === "") return fail(`manifest: ${path}.mediaType is missing`);
  if (typeof digest !== "string" || !isDigest(digest))
    return fail(`manifest: ${path}.digest is no sha256 or sha512 digest`);
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) {
    return fail(`manifest: ${path}.size must be a count of bytes`);
  }
  return { mediaType, digest, size, ...annotationsOf(value) };
}

function annotationsOf(value: Record<string, unknown>): { annotations?: Record<string, string> } {
  const { annotations } = value;
  return isRecord(annotations) ? { annotations: textsOf(annotations) } : {};
}

function textsOf(record: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(record).flatMap(([key, text]) => (typeof text === "string" ? [[key, text]] : [])),
  );
}

function parseContainerConfig(value: unknown): ContainerConfig {
  if (!isRecord(value)) return {};
  const texts = ["WorkingDir", "User", "StopSignal"].flatMap((name) => {
    const text = value[name];
    return typeof text === "string" && text !== "" ? [[name, text]] : [];
  });
  const lists = ["Env", "Entrypoint", "Cmd"].flatMap((name) => {
    const list = value[name];
    if (list === undefined || list === null) return [];
    if (!Array.isArray(list) || list.some((text) => typeof text !== "string")) {
      return fail(`image configuration: config.${name} must be a list of texts`);
    }
    return [[name, list]];
  });
  const { ExposedPorts: ports, Labels: labels } = value;
  return {
    ...(Object.fromEntries([...texts, ...lists]) as ContainerConfig),
    ...(isRecord(ports) ? { ExposedPorts: Object.fromEntries(Object.keys(ports).map((port) => [port, {}])) } : {}),
    ...(isRecord(labels) ? { Labels: textsOf(labels) } : {}),
  };
}

function listOf(value: unknown, path: string, max: number): readonly unknown[] {
  if (!Array.isArray(value)) return fail(`manifest: ${path} must be a list`);
  if (value.length > max) return fail(`manifest: ${path} has ${value.length} entries, more than ${max}`);
  return value;
}

function parseRecord(bytes: Uint8Array, what: string): Record<string, unknown> {
  try {
    const content: unknown = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString());
    if (isRecord(content)) return content;
  } catch (error) {
    throw new OciError("InvalidContent", `${what}: it is no JSON`, { cause: error });
  }
  return fail(`${what}: it is no JSON object`);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function fail(message: string): never {
  throw new OciError("InvalidContent", message);
}
