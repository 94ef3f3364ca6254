import type { FastifyInstance, FastifyReply, FastifyRequest, Logger } from "@kelvin/http-service";
import type { Authenticate } from "../authentication.ts";
import type { Storage } from "../storage/storage.ts";
import { serveBlob } from "./blobs.ts";
import { serveCatalog, serveReferrers, serveTags } from "./listings.ts";
import { serveManifest } from "./manifests.ts";
import { RegistryError, toRegistryError } from "./registry-error.ts";
import { parseRoute, type Route } from "./route.ts";
import { serveUpload, startUpload } from "./uploads.ts";

/** What the distribution API is served from. */
export interface ApiDeps {
  readonly storage: Storage;
  readonly authenticate: Authenticate | undefined;
  /** Resolves when an image that is being made here is there, or will not be; at once for all others. */
  readonly awaitImage: (repository: string, tag: string) => Promise<void>;
  readonly log: Logger;
}

/** One request, whose body is still to be read. */
export interface Exchange {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly query: URLSearchParams;
  readonly storage: Storage;
  readonly awaitImage: ApiDeps["awaitImage"];
}

/** Longer than any pause of a client that is still there. */
const idleMsMax = 120_000;

/** Serves the OCI distribution API below `/v2/`. */
export async function addDistributionApi(app: FastifyInstance, deps: ApiDeps): Promise<void> {
  // A push may take long; what must not last is silence.
  app.server.requestTimeout = 0;
  app.server.setTimeout(idleMsMax);
  await app.register(async (scope) => {
    // Bodies stay streams: whoever needs one whole says how much of it.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", (_request, body, done) => done(null, body));
    scope.setErrorHandler((error, request, reply) => sendError(error, { request, reply, log: deps.log }));
    for (const url of ["/v2", "/v2/*"]) {
      scope.route({
        method: ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
        url,
        exposeHeadRoute: false,
        handler: (request, reply) => serve(request, reply, deps),
      });
    }
  });
}

async function serve(request: FastifyRequest, reply: FastifyReply, deps: ApiDeps): Promise<FastifyReply> {
  reply.header("docker-distribution-api-version", "registry/2.0");
  await deps.authenticate?.(request.headers.authorization);
  const [path = "", ...query] = request.url.split("?");
  const route = parseRoute(path);
  if (route === undefined) {
    throw new RegistryError("UNSUPPORTED", `there is no ${request.method} ${path}`, { status: 404 });
  }
  const { storage, awaitImage } = deps;
  return await serveRoute(route, { request, reply, query: new URLSearchParams(query.join("?")), storage, awaitImage });
}

async function serveRoute(route: Route, exchange: Exchange): Promise<FastifyReply> {
  switch (route.kind) {
    case "base":
      requireMethod(exchange, ["GET", "HEAD"]);
      return exchange.reply.send({});
    case "catalog":
      requireMethod(exchange, ["GET", "HEAD"]);
      return await serveCatalog(exchange);
    case "tags":
      requireMethod(exchange, ["GET", "HEAD"]);
      return await serveTags(route, exchange);
    case "referrers":
      requireMethod(exchange, ["GET", "HEAD"]);
      return await serveReferrers(route, exchange);
    case "manifest":
      requireMethod(exchange, ["GET", "HEAD", "PUT", "DELETE"]);
      return await serveManifest(route, exchange);
    case "blob":
      requireMethod(exchange, ["GET", "HEAD", "DELETE"]);
      return await serveBlob(route, exchange);
    case "uploads":
      requireMethod(exchange, ["POST"]);
      return await startUpload(route, exchange);
    case "upload":
      requireMethod(exchange, ["GET", "HEAD", "PATCH", "PUT", "DELETE"]);
      return await serveUpload(route, exchange);
  }
}

function requireMethod({ request }: Exchange, allowed: readonly string[]): void {
  if (allowed.includes(request.method)) return;
  throw new RegistryError("UNSUPPORTED", `${request.method} is not possible here`, {
    headers: { allow: allowed.join(", ") },
  });
}

interface Failure {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly log: Logger;
}

function sendError(thrown: unknown, { request, reply, log }: Failure): FastifyReply {
  const error = toRegistryError(thrown);
  // A client that hung up is told nothing, and nothing is wrong with us.
  if (error.status >= 500 && !request.raw.destroyed) log.error({ err: thrown, url: request.url }, "Request failed");
  // The rest of a body that nobody reads would be taken for the next request.
  if (!request.raw.complete) reply.header("connection", "close");
  return reply
    .code(error.status)
    .headers(error.headers)
    .type("application/json")
    .send({ errors: [{ code: error.code, message: error.message, detail: null }] });
}
