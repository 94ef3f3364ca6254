import type { JsonObject } from "../api-object.ts";
import { listAt, recordAt, stringAt } from "../api-object.ts";
import { reviewAccess, reviewLocalAccess, reviewSelfAccess, reviewSelfRules } from "../authorization/access-review.ts";
import type { Authorizer } from "../authorization/authorizer.ts";
import type { ServiceAccountTokens } from "../identity/tokens.ts";
import { tokenIssuer } from "../identity/tokens.ts";
import { userInfoOf } from "../identity/user-info.ts";
import type { User } from "../identity/user.ts";
import { parseAccept } from "../reading/accept.ts";
import { StatusError } from "../status-error.ts";
import { optionalRecord, readObjectBody, sendJson, type Exchange } from "./exchange.ts";

// Reviews are questions in the form of objects: posted, answered in their status, never stored.

export interface ReviewDeps {
  readonly tokens: ServiceAccountTokens;
  readonly authorizer: Authorizer;
}

type Answer = (deps: ReviewDeps, body: JsonObject, user: User) => JsonObject;

const answers: Readonly<Record<string, Answer>> = {
  tokenreviews: (deps, body) => reviewToken(deps, body),
  selfsubjectreviews: (_deps, _body, user) => ({ userInfo: userInfoOf(user) }),
  selfsubjectaccessreviews: ({ authorizer }, body, user) => reviewSelfAccess(authorizer, body, user),
  selfsubjectrulesreviews: ({ authorizer }, body, user) => reviewSelfRules(authorizer, body, user),
  subjectaccessreviews: ({ authorizer }, body) => reviewAccess(authorizer, body),
};

const reviewPathPattern = /^\/apis\/(authentication|authorization)\.k8s\.io\/v1\/([a-z]+)$/;
const localReviewPathPattern = /^\/apis\/authorization\.k8s\.io\/v1\/namespaces\/([^/]+)\/localsubjectaccessreviews$/;

export function isReviewPath(path: string): boolean {
  return localReviewPathPattern.test(path) || Object.hasOwn(answers, reviewPathPattern.exec(path)?.[2] ?? "");
}

/** Answers one review. @throws StatusError 405 unless it is posted. */
export async function serveReview(deps: ReviewDeps, exchange: Exchange): Promise<void> {
  const { request, path, user } = exchange;
  if (request.method !== "POST" || user === undefined) {
    throw new StatusError(405, "MethodNotAllowed", {
      message: "the server does not allow this method on the requested resource",
    });
  }
  // What is not stored is no row of a table.
  parseAccept(request.headers.accept, ["object"]);
  const body = optionalRecord(await readObjectBody(exchange));
  const namespace = localReviewPathPattern.exec(path)?.[1];
  const answer = answers[reviewPathPattern.exec(path)?.[2] ?? ""];
  const status =
    namespace === undefined ? answer?.(deps, body, user) : reviewLocalAccess(deps.authorizer, body, namespace);
  sendJson(exchange, 201, { ...body, status });
}

function reviewToken({ tokens }: ReviewDeps, body: JsonObject): JsonObject {
  const audiences = listAt(body, "spec", "audiences").map(String);
  const wanted = audiences.length === 0 ? [tokenIssuer] : audiences;
  for (const audience of wanted) {
    const user = tokens.verify(stringAt(recordAt(body, "spec"), "token"), audience);
    if (user !== undefined) return { authenticated: true, user: userInfoOf(user), audiences: [audience] };
  }
  return { authenticated: false, error: "the token is not valid for any of the audiences" };
}
