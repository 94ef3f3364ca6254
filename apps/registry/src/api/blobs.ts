import { createReadStream } from "node:fs";
import type { FastifyReply } from "@kelvin/http-service";
import { RegistryError } from "./registry-error.ts";
import { parseRange } from "./range.ts";
import type { Route } from "./route.ts";
import type { Exchange } from "./serve.ts";

const readBytes = 256 * 1024;

/** Sends a blob or a part of it, says that it is there, or takes it out of the repository. */
export async function serveBlob(
  { repository, digest }: Extract<Route, { kind: "blob" }>,
  { request, reply, storage }: Exchange,
): Promise<FastifyReply> {
  if (request.method === "DELETE") {
    if (await storage.repositories.unlinkBlob(repository, digest)) return reply.code(202).send();
    throw unknown(repository, digest);
  }
  const size = await storage.repositories.findBlob(repository, digest);
  if (size === undefined) throw unknown(repository, digest);
  // Whoever asks may be about to write a manifest that refers to it.
  if (request.method === "HEAD") await storage.repositories.touchBlob(repository, digest);
  reply.headers({
    "docker-content-digest": digest,
    etag: `"${digest}"`,
    "accept-ranges": "bytes",
    "cache-control": "max-age=31536000, immutable",
    "content-type": "application/octet-stream",
  });
  if (request.headers["if-none-match"]?.includes(digest) === true) return reply.code(304).send();
  const range = parseRange(request.headers.range, size);
  if (range === "unsatisfiable") {
    throw new RegistryError("SIZE_INVALID", `the blob has ${size} bytes`, {
      status: 416,
      headers: { "content-range": `bytes */${size}` },
    });
  }
  const { start, end } = range ?? { start: 0, end: size - 1 };
  if (range !== undefined) reply.code(206).header("content-range", `bytes ${start}-${end}/${size}`);
  reply.header("content-length", end - start + 1);
  if (request.method === "HEAD" || size === 0) return reply.send();
  return reply.send(createReadStream(storage.content.pathOf(digest), { start, end, highWaterMark: readBytes }));
}

function unknown(repository: string, digest: string): RegistryError {
  return new RegistryError("BLOB_UNKNOWN", `${repository} has no blob ${digest}`);
}
