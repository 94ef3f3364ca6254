import type { IncomingMessage, ServerResponse } from "node:http";
import type { Authenticate } from "../identity/authenticate.ts";
import { tokenIssuer } from "../identity/tokens.ts";
import type { Authorizer } from "../authorization/authorizer.ts";
import { impersonate } from "../identity/impersonate.ts";
import { serveDiscovery } from "../reading/discovery.ts";
import { serveOpenApi, serveSecondOpenApi } from "../reading/open-api.ts";
import { JournalWriteError } from "../../storage/journal.ts";
import { noSuchResource, StatusError, unauthorized } from "../status-error.ts";
import { attributesOf } from "./attributes-of.ts";
import { sendError, sendJson, sendText, type Exchange } from "./exchange.ts";
import { parseResourcePath } from "./request-info.ts";
import { auditPath, serveAuthorizationAudit } from "./serve-authorization-audit.ts";
import { serveResource, type ResourceDeps } from "./serve-resource.ts";
import { serveReview, isReviewPath } from "./serve-review.ts";
import type { Upgrade } from "./upgrades.ts";

export interface RequestDeps extends ResourceDeps {
  readonly authenticate: Authenticate;
  readonly authorizer: Authorizer;
  isReady(): boolean;
  reportError(message: string, error: unknown): void;
}

/** What knative.dev's version check asks for at least; kubectl prints a warning about the distance at most. */
const versionDocument = {
  major: "1",
  minor: "34",
  gitVersion: "v1.34.0",
  gitCommit: "",
  gitTreeState: "clean",
  buildDate: "2025-08-27T00:00:00Z",
  goVersion: "",
  compiler: "",
  platform: "linux/amd64",
};

/** Answers any request. Never rejects: every failure is an answer. */
export async function serveRequest(
  deps: RequestDeps,
  { request, response, upgrade }: { request: IncomingMessage; response: ServerResponse; upgrade?: Upgrade },
): Promise<void> {
  const { path, query } = splitUrl(request.url ?? "/");
  const exchange: Exchange = {
    request,
    response,
    path,
    query,
    user: undefined,
    warnings: [],
    ...(upgrade !== undefined && { upgrade }),
    duplicateFields: [],
  };
  try {
    await route(deps, { ...exchange, user: deps.authenticate(request) });
  } catch (error) {
    // A client that left in the middle is no failure of ours, and a full disk is no news at every request.
    const isKnown = error instanceof StatusError || error instanceof JournalWriteError;
    if (!isKnown && !response.destroyed) deps.reportError("Failed to answer a request", error);
    sendError(exchange, error);
  }
}

/** A request's target as it is sent to a server. One in the form for proxies, or none at all, is no path that anybody serves. */
function splitUrl(url: string): { path: string; query: URLSearchParams } {
  const end = url.indexOf("?");
  return end < 0
    ? { path: url, query: new URLSearchParams() }
    : { path: url.slice(0, end), query: new URLSearchParams(url.slice(end + 1)) };
}

async function route(deps: RequestDeps, asked: Exchange): Promise<void> {
  const { authorizer } = deps;
  const { path } = asked;
  if (servePublic(deps, asked)) return;
  if (asked.user === undefined) throw unauthorized();
  const user = impersonate(asked.request, asked.user, (maker, needed) => authorizer.authorize(maker, needed));
  const exchange = { ...asked, user };
  const target = parseResourcePath(path);
  const attributes = attributesOf(exchange, target);
  if (path === auditPath) {
    authorizer.requireGrant(user, attributes);
    return serveAuthorizationAudit(authorizer, exchange);
  }
  authorizer.authorize(user, attributes);
  if (path === "/openapi/v3" || path.startsWith("/openapi/v3/")) return serveOpenApi(deps.registry.resources, exchange);
  if (path === "/openapi/v2") return serveSecondOpenApi(exchange);
  if (isReviewPath(path)) return serveReview(deps, exchange);
  if (target !== undefined) return serveResource(deps, exchange, target);
  if (/^\/apis?(\/|$)/.test(path)) return serveDiscovery(deps.registry.resources, exchange);
  if (path === "/")
    return sendJson(exchange, 200, {
      paths: ["/api", "/apis", "/healthz", "/livez", "/openapi/v2", "/openapi/v3", "/readyz", "/version"],
    });
  throw noSuchResource();
}

/** Health, version and the keys of ServiceAccount tokens are for everybody. */
function servePublic(deps: RequestDeps, exchange: Exchange): boolean {
  const { path } = exchange;
  if (/^\/(healthz|livez)(\/|$)/.test(path)) sendText(exchange, 200, "ok");
  else if (/^\/readyz(\/|$)/.test(path))
    sendText(exchange, deps.isReady() ? 200 : 503, deps.isReady() ? "ok" : "not ready");
  else if (path === "/version") sendJson(exchange, 200, versionDocument);
  else if (path === "/openid/v1/jwks") sendJson(exchange, 200, deps.tokens.keySet());
  else if (path === "/.well-known/openid-configuration") sendJson(exchange, 200, openIdConfiguration);
  else return false;
  return true;
}

const openIdConfiguration = {
  issuer: tokenIssuer,
  jwks_uri: `${tokenIssuer}/openid/v1/jwks`,
  response_types_supported: ["id_token"],
  subject_types_supported: ["public"],
  id_token_signing_alg_values_supported: ["ES256"],
};
