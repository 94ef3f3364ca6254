import { verified } from "./digest.ts";
import { OciError } from "./errors.ts";
import type { Exchange } from "./http-exchange.ts";
import type { Descriptor } from "./manifest.ts";
import { retryDelayMs, type RegistrySession, type RetryOptions } from "./registry-session.ts";

/** Where a blob is read from. */
export interface BlobSource {
  readonly repository: { readonly repository: string };
  readonly session: RegistrySession;
  readonly retry: RetryOptions;
  readonly signal: AbortSignal;
}

/** Streams a blob and checks it. A connection that breaks is continued by a range request, or from the start. */
export function readBlob(blob: Descriptor, source: BlobSource): AsyncGenerator<Uint8Array, void> {
  return verified(readThroughBreaks(blob, source), blob);
}

async function* readThroughBreaks(blob: Descriptor, source: BlobSource): AsyncGenerator<Uint8Array, void> {
  const { retry, signal } = source;
  let offset = 0;
  let attempt = 1;
  while (offset < blob.size || blob.size === 0) {
    const before = offset;
    try {
      for await (const chunk of readFrom(offset, blob, source)) {
        offset += chunk.length;
        yield chunk;
      }
      // A blob that ends early or late is for `verified` to say.
      return;
    } catch (error) {
      if (!(error instanceof OciError) || error.code !== "Unavailable") throw error;
      attempt = offset > before ? 1 : attempt + 1;
      if (attempt > retry.attemptsMax) throw error;
      await retry.sleep(retryDelayMs(attempt, { error, retry }), signal);
    }
  }
}

async function* readFrom(offset: number, blob: Descriptor, source: BlobSource): AsyncGenerator<Uint8Array, void> {
  const { session, repository, signal } = source;
  const answer = await session.call({
    method: "GET",
    url: new URL(`/v2/${repository.repository}/blobs/${blob.digest}`, session.base),
    headers: offset === 0 ? {} : { range: `bytes=${offset}-` },
    signal,
    actions: "pull",
    accept: [200, 206],
  });
  let unwanted = bytesBefore(offset, answer);
  for await (const chunk of answer.body) {
    const wanted = chunk.subarray(Math.min(unwanted, chunk.length));
    unwanted -= chunk.length - wanted.length;
    if (wanted.length > 0) yield wanted;
  }
}

/** A server that knows no ranges sends all again. */
function bytesBefore(offset: number, { status, headers }: Exchange): number {
  if (status === 200) return offset;
  const start = /^bytes (\d+)-/.exec(headers["content-range"] ?? "")?.[1];
  if (start !== undefined && Number(start) === offset) return 0;
  throw new OciError(
    "Refused",
    `the registry sent ${String(headers["content-range"])} where bytes from ${offset} on were asked for`,
  );
}
