import { readFile } from "node:fs/promises";
import type { FastifyReply } from "@kelvin/http-service";
import { digestOf } from "@kelvin/oci/content";
import { ifMissing } from "../storage/durable-file.ts";
import { parsePushedManifest, type PushedManifest } from "./pushed-manifest.ts";
import { RegistryError } from "./registry-error.ts";
import type { Reference, Route } from "./route.ts";
import type { Exchange } from "./serve.ts";

const manifestBytesMax = 4 * 1024 * 1024;

type ManifestRoute = Extract<Route, { kind: "manifest" }>;

/** Sends, takes or removes a manifest. */
export async function serveManifest(route: ManifestRoute, exchange: Exchange): Promise<FastifyReply> {
  switch (exchange.request.method) {
    case "PUT":
      return await putManifest(route, exchange);
    case "DELETE":
      return await deleteManifest(route, exchange);
    default:
      return await sendManifest(route, exchange);
  }
}

async function sendManifest({ repository, reference }: ManifestRoute, exchange: Exchange): Promise<FastifyReply> {
  const { request, reply, storage } = exchange;
  if (reference.tag !== undefined) await exchange.awaitImage(repository, reference.tag);
  const digest = await findDigest({ repository, reference }, exchange);
  const stored = digest === undefined ? undefined : await storage.repositories.findManifest(repository, digest);
  const bytes =
    stored === undefined ? undefined : await readFile(storage.content.pathOf(stored.digest)).catch(ifMissing);
  if (stored === undefined || bytes === undefined) throw unknown(repository, reference);
  reply.headers({
    "content-type": stored.mediaType,
    "docker-content-digest": stored.digest,
    etag: `"${stored.digest}"`,
    "content-length": bytes.length,
  });
  return reply.send(request.method === "HEAD" ? undefined : bytes);
}

/** First the content, then its name in the repository, then its tag: killed in between, a part is there and never a lie. */
async function putManifest({ repository, reference }: ManifestRoute, exchange: Exchange): Promise<FastifyReply> {
  const { request, reply, storage } = exchange;
  const bytes = await readBody(exchange);
  const digest = digestFor(bytes, reference);
  const manifest = parsePushedManifest(bytes, request.headers["content-type"]);
  await requireBlobs(manifest, { repository, exchange });

  const { mediaType, subject } = manifest;
  const { content, repositories } = storage;
  const stored = { digest, mediaType, ...(subject === undefined ? {} : { subject }) };
  do await content.write({ digest, size: bytes.length }, () => once(bytes));
  // Collected just now, if an old one was found there; what is written now is young.
  while (!(await repositories.linkManifest(repository, stored)));
  if (subject !== undefined) {
    await repositories.addReferrer(repository, subject, {
      ...manifest.referrer,
      mediaType,
      digest,
      size: bytes.length,
    });
    reply.header("oci-subject", subject);
  }
  if (reference.tag !== undefined) await repositories.putTag(repository, { name: reference.tag, digest });
  return reply
    .code(201)
    .headers({ location: `/v2/${repository}/manifests/${digest}`, "docker-content-digest": digest })
    .send();
}

/** A tag is removed alone; a digest with all the tags that name it. */
async function deleteManifest({ repository, reference }: ManifestRoute, exchange: Exchange): Promise<FastifyReply> {
  const { reply, storage } = exchange;
  const { repositories } = storage;
  if (reference.tag !== undefined) {
    if (await repositories.deleteTag(repository, reference.tag)) return reply.code(202).send();
    throw unknown(repository, reference);
  }
  const stored = await repositories.findManifest(repository, reference.digest);
  if (stored === undefined) throw unknown(repository, reference);
  for (const tag of (await repositories.tags(repository)) ?? []) {
    if ((await repositories.findTag(repository, tag)) === stored.digest) await repositories.deleteTag(repository, tag);
  }
  if (stored.subject !== undefined) await repositories.removeReferrer(repository, stored.subject, stored.digest);
  await repositories.unlinkManifest(repository, stored.digest);
  return reply.code(202).send();
}

async function findDigest(
  { repository, reference }: { repository: string; reference: Reference },
  { storage }: Exchange,
): Promise<string | undefined> {
  return reference.digest ?? (await storage.repositories.findTag(repository, reference.tag));
}

async function readBody({ request }: Exchange): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of (request.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > manifestBytesMax) {
      throw new RegistryError("MANIFEST_INVALID", `the manifest is larger than ${manifestBytesMax} bytes`, {
        status: 413,
      });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The digest to keep it under: sha256 for a tag. */
function digestFor(bytes: Buffer, { digest }: Reference): string {
  const actual = digest?.startsWith("sha512:") === true ? digestOf(bytes, "sha512") : digestOf(bytes);
  if (digest === undefined || digest === actual) return actual;
  throw new RegistryError("DIGEST_INVALID", `the manifest has the digest ${actual}, not ${digest}`);
}

/** Touches what the manifest refers to, so that it is there when the manifest is. */
async function requireBlobs(
  { blobs }: PushedManifest,
  { repository, exchange }: { repository: string; exchange: Exchange },
): Promise<void> {
  for (const digest of blobs) {
    if (await exchange.storage.repositories.touchBlob(repository, digest)) continue;
    throw new RegistryError("MANIFEST_BLOB_UNKNOWN", `${repository} has no blob ${digest}: push it first`);
  }
}

function unknown(repository: string, { tag, digest }: Reference): RegistryError {
  return new RegistryError("MANIFEST_UNKNOWN", `${repository} has no manifest ${tag ?? digest}`);
}

async function* once(bytes: Buffer): AsyncGenerator<Uint8Array, void> {
  yield bytes;
}
