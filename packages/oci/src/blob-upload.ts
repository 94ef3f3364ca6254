import type { Descriptor } from "./manifest.ts";
import type { EndpointOptions } from "./registry-endpoint.ts";
import { OciError } from "./errors.ts";
import { locationOf, retryDelayMs, type RegistrySession, type RetryOptions } from "./registry-session.ts";

/** A blob to write, and where its bytes come from. */
export interface BlobUpload {
  readonly descriptor: Descriptor;
  /** Called for each attempt; must give the same bytes each time. */
  readonly read: () => AsyncIterable<Uint8Array>;
  /** A repository of the same registry that may hold the blob: it is linked from there where the registry can. */
  readonly mountFrom?: string;
}

/** Where a blob is written to. */
export interface BlobTarget {
  readonly repository: string;
  readonly session: RegistrySession;
  readonly endpoints: EndpointOptions;
  readonly retry: RetryOptions;
  readonly signal: AbortSignal;
}

/** Makes a blob exist in a repository. An upload that breaks is begun anew, so a repetition is always right. */
export async function uploadBlob(blob: BlobUpload, target: BlobTarget): Promise<"found" | "mounted" | "uploaded"> {
  const { retry, signal } = target;
  for (let attempt = 1; ; attempt++) {
    if (await hasBlob(blob, target)) return "found";
    const start = await startUpload(blob, target);
    if (start === "mounted") return "mounted";
    try {
      await sendBlob(start, blob, target);
      return "uploaded";
    } catch (error) {
      // NotFound: the registry has forgotten the upload, by a restart perhaps.
      const isLost = error instanceof OciError && (error.code === "Unavailable" || error.code === "NotFound");
      if (!isLost || attempt >= retry.attemptsMax) throw error;
      await retry.sleep(retryDelayMs(attempt, { error, retry }), signal);
    }
  }
}

async function hasBlob({ descriptor }: BlobUpload, { session, repository, signal }: BlobTarget): Promise<boolean> {
  const answer = await session.call({
    method: "HEAD",
    url: new URL(`/v2/${repository}/blobs/${descriptor.digest}`, session.base),
    signal,
    actions: "pull,push",
    accept: [200, 404],
  });
  answer.discard();
  return answer.status === 200;
}

async function startUpload(
  { descriptor, mountFrom }: BlobUpload,
  { session, repository, endpoints, signal }: BlobTarget,
): Promise<URL | "mounted"> {
  const url = new URL(`/v2/${repository}/blobs/uploads/`, session.base);
  if (mountFrom !== undefined && mountFrom !== repository) {
    url.searchParams.set("mount", descriptor.digest);
    url.searchParams.set("from", mountFrom);
  }
  const answer = await session.call({
    method: "POST",
    url,
    headers: { "content-length": "0" },
    signal,
    actions: "pull,push",
    accept: [201, 202],
  });
  answer.discard();
  return answer.status === 201 ? "mounted" : locationOf(answer, url, endpoints);
}

async function sendBlob(
  location: URL,
  { descriptor, read }: BlobUpload,
  { session, signal }: BlobTarget,
): Promise<void> {
  // The Location may have a query of its own.
  const url = new URL(location);
  url.searchParams.set("digest", descriptor.digest);
  const answer = await session.call({
    method: "PUT",
    url,
    headers: { "content-type": "application/octet-stream", "content-length": String(descriptor.size) },
    body: read,
    signal,
    actions: "pull,push",
    accept: [201, 204],
    // What a broken attempt has left at this Location is unknown.
    attemptsMax: 1,
  });
  answer.discard();
}
