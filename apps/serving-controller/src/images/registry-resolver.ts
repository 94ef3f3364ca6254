import { callHttp } from "@kelvin/http-service";
import { parseImageReference, type ImageReference } from "./image-reference.ts";
import type { ImageResolver, RegistryCredential, ResolveOptions } from "./image-resolver.ts";

// Not imported: an ES import of node:crypto evaluates its lazy exports, Web Crypto among them (40 ms and 10 MB).
const { createHash } = process.getBuiltinModule("node:crypto");
const manifestTypes = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
].join(", ");
const bodyBytesMax = 4 * 1024 * 1024;

/** Opens the resolver that speaks the OCI distribution protocol over HTTPS (HTTP for this machine's own registries). */
export function openRegistryResolver(): ImageResolver {
  return {
    async resolve(image, options) {
      const reference = parseImageReference(image);
      const name = `${reference.registry}/${reference.repository}`;
      if (reference.digest !== undefined) return `${name}@${reference.digest}`;
      return `${name}@${await findDigest(reference, options)}`;
    },
  };
}

async function findDigest(reference: ImageReference, options: ResolveOptions): Promise<string> {
  const credential = options.credentials.find(({ registry }) => registry === reference.registry);
  const first = await askManifest(reference, { method: "HEAD", signal: options.signal });
  const challenge = first.status === 401 ? first.challenge : undefined;
  const authorization =
    challenge === undefined
      ? undefined
      : await answerChallenge({ reference, challenge, credential, signal: options.signal });
  const headers = authorization === undefined ? {} : { authorization };
  const head =
    authorization === undefined
      ? first
      : await askManifest(reference, { method: "HEAD", headers, signal: options.signal });
  if (head.status === 200 && head.digest !== undefined) return head.digest;

  // HEAD has no body, so the registry's explanation (or a manifest to hash) needs a GET.
  const full = await askManifest(reference, { method: "GET", headers, signal: options.signal });
  if (full.status !== 200) throw new Error(explainRefusal(reference, full));
  return full.digest ?? `sha256:${createHash("sha256").update(full.body).digest("hex")}`;
}

interface Answer {
  readonly status: number;
  readonly digest: string | undefined;
  readonly challenge: string | undefined;
  readonly body: Buffer;
}

interface Ask {
  readonly method: "HEAD" | "GET";
  readonly headers?: Record<string, string>;
  readonly signal: AbortSignal;
}

async function askManifest(reference: ImageReference, { method, headers, signal }: Ask): Promise<Answer> {
  const answer = await callHttp(manifestUrl(reference), {
    method,
    headers: { accept: manifestTypes, ...headers },
    signal,
    bodyBytesMax,
  });
  return {
    status: answer.status,
    digest: textOf(answer.headers["docker-content-digest"]),
    challenge: answer.headers["www-authenticate"],
    body: answer.body,
  };
}

function manifestUrl({ registry, repository, tag }: ImageReference): string {
  return `${schemeOf(registry)}://${registry}/v2/${repository}/manifests/${tag ?? "latest"}`;
}

/** Registries on this machine and in `.local` speak plain HTTP, as every container tool assumes. */
function schemeOf(registry: string): "http" | "https" {
  const host = registry.replace(/:\d+$/, "");
  return host === "localhost" || host === "127.0.0.1" || host === "[::1]" || /\.(local|localhost)$/.test(host)
    ? "http"
    : "https";
}

interface Challenge {
  readonly reference: ImageReference;
  readonly challenge: string;
  readonly credential: RegistryCredential | undefined;
  readonly signal: AbortSignal;
}

/** Turns a `WWW-Authenticate` header into an `Authorization` header, or undefined when we have nothing to offer. */
async function answerChallenge({ reference, challenge, credential, signal }: Challenge): Promise<string | undefined> {
  const basic = credential === undefined ? undefined : basicAuthorization(credential);
  if (!/^bearer /i.test(challenge)) return basic;
  const parameters = parseChallenge(challenge);
  const url = new URL(parameters["realm"] ?? "");
  if (parameters["service"] !== undefined) url.searchParams.set("service", parameters["service"]);
  url.searchParams.set("scope", parameters["scope"] ?? `repository:${reference.repository}:pull`);
  const headers = basic === undefined ? {} : { authorization: basic };
  const { status, body } = await callHttp(url, { headers, signal, bodyBytesMax });
  if (status !== 200) throw new Error(`GET ${url.href}: unexpected status code ${status}`);
  const token = parseToken(body);
  return `Bearer ${token}`;
}

function parseChallenge(challenge: string): Record<string, string> {
  const pairs = challenge.matchAll(/(\w+)="([^"]*)"/g);
  return Object.fromEntries([...pairs].map(([, name = "", value = ""]) => [name.toLowerCase(), value]));
}

function parseToken(body: Buffer): string {
  const reply: unknown = JSON.parse(body.toString());
  if (typeof reply === "object" && reply !== null) {
    if ("token" in reply && typeof reply.token === "string") return reply.token;
    if ("access_token" in reply && typeof reply.access_token === "string") return reply.access_token;
  }
  throw new Error("the registry's token service answered without a token");
}

function basicAuthorization({ username, password }: RegistryCredential): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

/** In the words that Knative's users know from its registry client. */
function explainRefusal(reference: ImageReference, answer: Answer): string {
  const call = `GET ${manifestUrl(reference)}`;
  const error = parseFirstError(answer.body);
  if (error === undefined) return `${call}: unexpected status code ${answer.status}`;
  return `${call}: ${error.code}: ${error.message}`;
}

function parseFirstError(body: Buffer): { code: string; message: string } | undefined {
  try {
    const reply = JSON.parse(body.toString()) as { errors?: { code?: unknown; message?: unknown }[] };
    const error = reply.errors?.[0];
    return error === undefined ? undefined : { code: String(error.code), message: String(error.message) };
  } catch {
    // Not every registry or proxy in front explains itself in JSON; the status code has to do.
    return undefined;
  }
}

function textOf(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}
