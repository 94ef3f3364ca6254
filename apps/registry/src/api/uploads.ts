import type { FastifyReply } from "@kelvin/http-service";
import type { Chunk } from "../storage/uploads.ts";
import { parseContentRange } from "./range.ts";
import { RegistryError } from "./registry-error.ts";
import { parseDigest, parseRepository, type Route } from "./route.ts";
import type { Exchange } from "./serve.ts";

/** Starts an upload, or ends it at once: by a mount, or where the whole blob comes with the request. */
export async function startUpload(
  { repository }: Extract<Route, { kind: "uploads" }>,
  exchange: Exchange,
): Promise<FastifyReply> {
  const { query, reply, storage } = exchange;
  const mount = query.get("mount");
  if (mount !== null) {
    const digest = parseDigest(mount);
    if (await canMount(digest, exchange)) {
      if (await storage.repositories.linkBlob(repository, digest)) return created(repository, { digest, reply });
    }
  }
  const whole = query.get("digest");
  const digest = whole === null ? undefined : parseDigest(whole);
  const id = await storage.uploads.start(repository);
  if (digest === undefined) return accepted({ repository, id, size: 0 }, reply.code(202));
  try {
    await storage.uploads.append({ repository, id }, chunkOf(exchange));
    return await finish({ repository, id, digest }, exchange);
  } finally {
    // When that failed: nobody knows its name, so nobody could go on with it.
    await storage.uploads.cancel({ repository, id });
  }
}

/** All who may use the registry may read all of it, so a blob may be mounted without saying where from. */
async function canMount(digest: string, { query, storage }: Exchange): Promise<boolean> {
  const from = query.get("from");
  return from === null || (await storage.repositories.findBlob(parseRepository(from), digest)) !== undefined;
}

/** Tells where an upload is, continues, ends or cancels it. */
export async function serveUpload(
  upload: Extract<Route, { kind: "upload" }>,
  exchange: Exchange,
): Promise<FastifyReply> {
  const { request, reply, query, storage } = exchange;
  switch (request.method) {
    case "DELETE":
      if (await storage.uploads.cancel(upload)) return reply.code(204).send();
      throw unknown();
    case "PATCH":
      await append(upload, exchange);
      return accepted({ ...upload, size: (await storage.uploads.find(upload)) ?? 0 }, reply.code(202));
    case "PUT": {
      const digest = parseDigest(query.get("digest") ?? "");
      if (hasBody(exchange)) await append(upload, exchange);
      return await finish({ ...upload, digest }, exchange);
    }
    default: {
      const size = await storage.uploads.find(upload);
      if (size === undefined) throw unknown();
      return accepted({ ...upload, size }, reply.code(204));
    }
  }
}

async function append(upload: Extract<Route, { kind: "upload" }>, exchange: Exchange): Promise<void> {
  const { storage } = exchange;
  try {
    await storage.uploads.append(upload, chunkOf(exchange));
  } catch (error) {
    if (!(error instanceof RegistryError) || error.status !== 416) throw error;
    // The client learns from the answer where to go on.
    const size = (await storage.uploads.find(upload)) ?? 0;
    throw new RegistryError(error.code, error.message, { status: 416, headers: progress({ ...upload, size }) });
  }
}

async function finish(
  { repository, id, digest }: { repository: string; id: string; digest: string },
  { reply, storage }: Exchange,
): Promise<FastifyReply> {
  await storage.uploads.finish({ repository, id }, digest);
  if (await storage.repositories.linkBlob(repository, digest)) return created(repository, { digest, reply });
  throw new RegistryError("BLOB_UPLOAD_INVALID", "the blob was removed while it was pushed: push it again");
}

function chunkOf({ request }: Exchange): Chunk {
  const range = request.headers["content-range"];
  const bytes = (request.body ?? []) as AsyncIterable<Uint8Array>;
  const length = request.headers["content-length"];
  if (range === undefined) return { bytes, ...(length === undefined ? {} : { length: Number(length) }) };
  const parsed = parseContentRange(range);
  if (parsed === undefined) {
    throw new RegistryError("BLOB_UPLOAD_INVALID", `Content-Range must be like 0-1023, was ${JSON.stringify(range)}`);
  }
  const { start, end } = parsed;
  if (length !== undefined && Number(length) !== end - start + 1) {
    throw new RegistryError("SIZE_INVALID", `Content-Range says ${end - start + 1} bytes, Content-Length ${length}`);
  }
  return { bytes, startAt: start, length: end - start + 1 };
}

function hasBody({ request }: Exchange): boolean {
  const length = request.headers["content-length"];
  return request.headers["transfer-encoding"] !== undefined || (length !== undefined && length !== "0");
}

interface Progress {
  readonly repository: string;
  readonly id: string;
  readonly size: number;
}

function progress({ repository, id, size }: Progress): Record<string, string> {
  return {
    location: `/v2/${repository}/blobs/uploads/${id}`,
    "docker-upload-uuid": id,
    // An upload without bytes is said to be at 0-0, for want of another way.
    range: `0-${Math.max(size - 1, 0)}`,
  };
}

function accepted(upload: Progress, reply: FastifyReply): FastifyReply {
  return reply.headers(progress(upload)).send();
}

function created(repository: string, { digest, reply }: { digest: string; reply: FastifyReply }): FastifyReply {
  const headers = { location: `/v2/${repository}/blobs/${digest}`, "docker-content-digest": digest };
  return reply.code(201).headers(headers).send();
}

function unknown(): RegistryError {
  return new RegistryError("BLOB_UPLOAD_UNKNOWN", "there is no such upload: start it again");
}
