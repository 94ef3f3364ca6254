import { setTimeout as sleep } from "node:timers/promises";
import { uploadBlob, type BlobUpload } from "./blob-upload.ts";
import { readBlob } from "./blob-download.ts";
import { digestOf } from "./digest.ts";
import { OciError } from "./errors.ts";
import { openExchangePort, type Exchange } from "./http-exchange.ts";
import { isDigest, type ImageReference } from "./image-reference.ts";
import { parseManifest, type Descriptor, type ImageIndex, type ImageManifest } from "./manifest.ts";
import { manifestAccept } from "./media-types.ts";
import { findCredential, type RegistryCredential } from "./registry-credential.ts";
import { endpointOf, type EndpointOptions } from "./registry-endpoint.ts";
import { openSession, type RegistrySession, type RetryOptions } from "./registry-session.ts";

/** A repository in a registry. */
export type Repository = Pick<ImageReference, "registry" | "repository">;

/** A manifest as the registry keeps it, byte by byte, and what it says. */
export interface ReceivedManifest {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
  readonly manifest: ImageManifest | ImageIndex;
}

/** How a client behaves; everything has a default. */
export interface RegistryClientOptions extends EndpointOptions {
  /** Tried by registry and repository; see `parseDockerConfig`. They are sent to the registry they name and to its token service. */
  readonly credentials?: readonly RegistryCredential[];
  /** Certificates in PEM to trust beside the built-in ones. */
  readonly ca?: string;
  /** How long nothing may happen on a connection. Default 60 s. */
  readonly idleMsMax?: number;
  /** Default: 5 attempts, the first delay 250 ms. */
  readonly retry?: Partial<RetryOptions>;
}

/**
 * Speaks the OCI distribution protocol with any registry.
 *
 * All calls are bounded: attempts, redirects, idle time and sizes. They throw `OciError`, whose code says what to do, or the
 * signal's reason when it aborts.
 */
export interface RegistryClient {
  /** What a reference names, without its content; undefined when there is no such thing. */
  findManifest(reference: ImageReference, signal: AbortSignal): Promise<Descriptor | undefined>;
  /** Gets a manifest or an index; its digest is checked against the reference and against what the registry says. */
  getManifest(reference: ImageReference, signal: AbortSignal): Promise<ReceivedManifest>;
  /** Streams a blob, checked while it comes and resumed where a connection broke. Throw away what came when it throws. */
  readBlob(repository: Repository, blob: Descriptor, signal: AbortSignal): AsyncGenerator<Uint8Array, void>;
  hasBlob(repository: Repository, blob: Descriptor, signal: AbortSignal): Promise<boolean>;
  /** Makes a blob exist: found, mounted from another repository of the registry, or uploaded. Says which it was. */
  writeBlob(repository: Repository, blob: BlobUpload, signal: AbortSignal): Promise<"found" | "mounted" | "uploaded">;
  /** Writes a manifest under the reference's tag, or its digest when it has none. Returns its digest. */
  putManifest(
    reference: ImageReference,
    manifest: Pick<ReceivedManifest, "descriptor" | "bytes">,
    signal: AbortSignal,
  ): Promise<string>;
  /** Closes connections that are kept for later; calls under way fail. */
  close(): void;
}

const idleMsMaxDefault = 60_000;
const manifestBytesMax = 4 * 1024 * 1024;
const tokensMax = 1000;

/** Opens a client. It remembers tokens, so use one for calls that belong together. */
export function openRegistryClient(options: RegistryClientOptions = {}): RegistryClient {
  const port = openExchangePort({
    idleMsMax: options.idleMsMax ?? idleMsMaxDefault,
    ...(options.ca === undefined ? {} : { ca: options.ca }),
  });
  const tokens = new Map<string, string>();
  const retry = { attemptsMax: 5, delayMsMin: 250, sleep: sleepFor, ...options.retry };
  const sessionOf = (repository: Repository): RegistrySession => {
    if (tokens.size > tokensMax) tokens.clear();
    return openSession({
      ...options,
      port,
      base: endpointOf(repository.registry, options),
      repository: repository.repository,
      credential: findCredential(options.credentials ?? [], repository),
      retry,
      tokens,
    });
  };
  return {
    findManifest: (reference, signal) => findManifest(reference, { session: sessionOf(reference), signal }),
    getManifest: (reference, signal) => getManifest(reference, { session: sessionOf(reference), signal }),
    readBlob: (repository, blob, signal) =>
      readBlob(blob, { repository, session: sessionOf(repository), retry, signal }),
    async hasBlob(repository, blob, signal) {
      const session = sessionOf(repository);
      const url = new URL(`/v2/${repository.repository}/blobs/${blob.digest}`, session.base);
      const answer = await session.call({ method: "HEAD", url, signal, actions: "pull", accept: [200, 404] });
      answer.discard();
      return answer.status === 200;
    },
    writeBlob: (repository, blob, signal) =>
      uploadBlob(blob, {
        repository: repository.repository,
        session: sessionOf(repository),
        endpoints: options,
        retry,
        signal,
      }),
    putManifest: (reference, manifest, signal) =>
      putManifest(reference, manifest, { session: sessionOf(reference), signal }),
    close: () => port.close(),
  };
}

async function sleepFor(delayMs: number, signal: AbortSignal): Promise<void> {
  await sleep(delayMs, undefined, { signal });
}

interface CallDeps {
  readonly session: RegistrySession;
  readonly signal: AbortSignal;
}

async function findManifest(reference: ImageReference, { session, signal }: CallDeps): Promise<Descriptor | undefined> {
  const url = manifestUrl(reference, session);
  const headers = { accept: manifestAccept };
  const answer = await session.call({ method: "HEAD", url, headers, signal, actions: "pull", accept: [200, 404] });
  answer.discard();
  if (answer.status === 404) return undefined;
  const digest = contentDigest(answer) ?? reference.digest;
  const size = Number(answer.headers["content-length"]);
  const mediaType = mediaTypeOf(answer);
  // Not every registry says all of it to a HEAD.
  if (digest === undefined || !Number.isSafeInteger(size) || mediaType === "") {
    return (await getManifest(reference, { session, signal })).descriptor;
  }
  return { mediaType, digest, size };
}

async function getManifest(reference: ImageReference, { session, signal }: CallDeps): Promise<ReceivedManifest> {
  const url = manifestUrl(reference, session);
  const headers = { accept: manifestAccept };
  const answer = await session.call({ method: "GET", url, headers, signal, actions: "pull", accept: [200] });
  const bytes = await answer.read(manifestBytesMax);
  const digest = checkedDigest(bytes, { answer, reference });
  const manifest = parseManifest(bytes, mediaTypeOf(answer));
  return { descriptor: { mediaType: manifest.mediaType, digest, size: bytes.length }, bytes, manifest };
}

async function putManifest(
  reference: ImageReference,
  { descriptor, bytes }: Pick<ReceivedManifest, "descriptor" | "bytes">,
  { session, signal }: CallDeps,
): Promise<string> {
  const digest = digestOf(bytes);
  const target = reference.tag === undefined ? { ...reference, digest } : { ...reference, digest: undefined };
  const answer = await session.call({
    method: "PUT",
    url: manifestUrl(target, session),
    headers: { "content-type": descriptor.mediaType, "content-length": String(bytes.length) },
    body: () => bytes,
    signal,
    actions: "pull,push",
    accept: [201],
  });
  answer.discard();
  const said = contentDigest(answer);
  if (said !== undefined && said.startsWith("sha256:") && said !== digest) {
    throw new OciError("InvalidContent", `the registry stored ${said} where ${digest} was pushed`);
  }
  return digest;
}

function manifestUrl(
  { repository, tag, digest }: Pick<ImageReference, "repository"> & { tag?: string; digest?: string | undefined },
  { base }: RegistrySession,
): URL {
  return new URL(`/v2/${repository}/manifests/${digest ?? tag ?? "latest"}`, base);
}

function checkedDigest(bytes: Buffer, { answer, reference }: { answer: Exchange; reference: ImageReference }): string {
  const said = contentDigest(answer);
  for (const expected of [reference.digest, said]) {
    // Only sha256 can be compared with what we name it; a sha512 reference is compared below.
    if (expected === undefined || !expected.startsWith("sha256:") || expected === digestOf(bytes)) continue;
    throw new OciError(
      "InvalidContent",
      `${reference.repository}: got a manifest of digest ${digestOf(bytes)} for ${expected}`,
    );
  }
  if (reference.digest?.startsWith("sha512:") === true) {
    throw new OciError("Refused", `${reference.digest}: manifests are found by sha256 digests; ask for that`);
  }
  return digestOf(bytes);
}

function contentDigest({ headers }: Exchange): string | undefined {
  const header = headers["docker-content-digest"];
  return typeof header === "string" && isDigest(header) ? header : undefined;
}

function mediaTypeOf({ headers }: Exchange): string {
  return (headers["content-type"] ?? "").split(";")[0]?.trim() ?? "";
}
