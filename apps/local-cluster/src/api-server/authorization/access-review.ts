import type { JsonObject } from "../api-object.ts";
import { listAt, recordAt, stringAt, valueAt } from "../api-object.ts";
import type { User } from "../identity/user.ts";
import { badRequest, invalid, type StatusCause } from "../status-error.ts";
import type { Attributes } from "./attributes.ts";
import type { Authorizer } from "./authorizer.ts";
import type { PolicyRule } from "./policy-rule.ts";

// The reviews of authorization.k8s.io: questions whether somebody may do something, answered from RBAC.

type Answers = Pick<Authorizer, "decide" | "rulesFor">;

/** May the asking user do it? */
export function reviewSelfAccess(authorizer: Answers, body: JsonObject, user: User): JsonObject {
  return decisionStatus(authorizer, user, parseAttributes(body, "SelfSubjectAccessReview"));
}

/** May the user named in the spec do it? */
export function reviewAccess(authorizer: Answers, body: JsonObject): JsonObject {
  const kind = "SubjectAccessReview";
  return decisionStatus(authorizer, parseSubject(body, kind), parseAttributes(body, kind));
}

/** The same, within one namespace. @throws StatusError 400 when the spec names another. */
export function reviewLocalAccess(authorizer: Answers, body: JsonObject, namespace: string): JsonObject {
  const kind = "LocalSubjectAccessReview";
  if (valueAt(body, "spec", "resourceAttributes", "namespace") !== namespace) {
    throw badRequest(`spec.resourceAttributes.namespace must match namespace: ${namespace}`);
  }
  return decisionStatus(authorizer, parseSubject(body, kind), parseAttributes(body, kind));
}

/** All that the asking user may do in a namespace. */
export function reviewSelfRules(authorizer: Answers, body: JsonObject, user: User): JsonObject {
  const namespace = stringAt(body, "spec", "namespace");
  if (namespace === "") throw badRequest("no namespace on request");
  const rules = authorizer.rulesFor(user, namespace);
  return {
    resourceRules: rules.filter(({ resources }) => resources.length > 0).map(resourceRuleOf),
    nonResourceRules: rules
      .filter(({ nonResourceURLs }) => nonResourceURLs.length > 0)
      .map(({ verbs, nonResourceURLs }) => ({ verbs, nonResourceURLs })),
    incomplete: false,
  };
}

function resourceRuleOf({ verbs, apiGroups, resources, resourceNames }: PolicyRule): JsonObject {
  return { verbs, apiGroups, resources, ...(resourceNames.length > 0 && { resourceNames }) };
}

function decisionStatus({ decide }: Answers, user: User, attributes: Attributes): JsonObject {
  const { allowed, reason } = decide(user, attributes);
  return { allowed, ...(reason !== "" && { reason }) };
}

function parseSubject(body: JsonObject, kind: string): User {
  const spec = recordAt(body, "spec");
  const name = stringAt(spec, "user");
  const groups = listAt(spec, "groups").map(String);
  if (name === "" && groups.length === 0) {
    throw invalidReview(kind, {
      field: "spec.user",
      message: 'Invalid value: "": at least one of user or group must be specified',
    });
  }
  return { name, groups };
}

function parseAttributes(body: JsonObject, kind: string): Attributes {
  const resource = valueAt(body, "spec", "resourceAttributes");
  const path = valueAt(body, "spec", "nonResourceAttributes");
  if ((resource ?? null) === null && (path ?? null) === null) {
    const message = "Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified";
    throw invalidReview(kind, { field: "spec.resourceAttributes", message });
  }
  if ((resource ?? null) !== null && (path ?? null) !== null) {
    const message = "Invalid value: cannot be specified in combination with resourceAttributes";
    throw invalidReview(kind, { field: "spec.nonResourceAttributes", message });
  }
  if ((resource ?? null) === null) return { verb: stringAt(path, "verb"), path: stringAt(path, "path") };
  return {
    verb: stringAt(resource, "verb"),
    group: stringAt(resource, "group"),
    resource: stringAt(resource, "resource"),
    subresource: stringAt(resource, "subresource"),
    namespace: stringAt(resource, "namespace"),
    name: stringAt(resource, "name"),
  };
}

function invalidReview(kind: string, cause: Omit<StatusCause, "reason">): Error {
  const resource = { group: "authorization.k8s.io", kind, plural: "" };
  return invalid(resource, "", [{ reason: "FieldValueInvalid", ...cause }]);
}
