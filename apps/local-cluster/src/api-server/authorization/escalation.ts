import { equalJson, recordAt, stringAt, type ApiObject } from "../api-object.ts";
import type { AdmissionReviewed } from "../admission/admission.ts";
import type { User } from "../identity/user.ts";
import { forbidden } from "../status-error.ts";
import type { Attributes } from "./attributes.ts";
import { parseRules, type PolicyRule } from "./policy-rule.ts";
import { isMaster, type Rbac } from "./rbac.ts";
import { rbacGroup } from "./role-index.ts";
import { listText, ruleText, rulesBeyond } from "./rule-cover.ts";

// Nobody gives away more than they hold: not by writing a role, unless they may `escalate` it, and not by binding one,
// unless they may `bind` it. Without this, whoever may write roles would be an administrator.

const everything: readonly PolicyRule[] = [
  { verbs: ["*"], apiGroups: ["*"], resources: ["*"], resourceNames: [], nonResourceURLs: [] },
  { verbs: ["*"], apiGroups: [], resources: [], resourceNames: [], nonResourceURLs: ["*"] },
];

/** Looks at a write of a role or binding. @throws StatusError 403 naming the rights its author does not hold. */
export function checkEscalation(rbac: Pick<Rbac, "decide" | "rulesFor" | "index">, reviewed: AdmissionReviewed): void {
  const { object, oldObject, request } = reviewed;
  if (request.resource.group !== rbacGroup || object === undefined || isMaster(request.user)) return;
  if (object.kind === "Role" || object.kind === "ClusterRole") checkRole(rbac, reviewed, object);
  else if (oldObject === undefined || !isSameGrant(object, oldObject)) checkBinding(rbac, reviewed, object);
}

function isSameGrant(binding: ApiObject, old: ApiObject): boolean {
  return equalJson(binding["roleRef"], old["roleRef"]) && equalJson(binding["subjects"], old["subjects"]);
}

type Source = Pick<Rbac, "decide" | "rulesFor" | "index">;

function checkRole(rbac: Source, reviewed: AdmissionReviewed, role: ApiObject): void {
  const { oldObject, request, name } = reviewed;
  const aggregates = role["aggregationRule"] ?? oldObject?.["aggregationRule"];
  const isUnchanged =
    oldObject !== undefined &&
    equalJson(role["rules"], oldObject["rules"]) &&
    equalJson(role["aggregationRule"], oldObject["aggregationRule"]);
  const resource = request.resource.plural;
  if (
    isUnchanged ||
    rbac.decide(request.user, verbOn({ verb: "escalate", resource, name }, request.namespace)).allowed
  ) {
    return;
  }
  checkHeld(rbac, reviewed, parseRules(role));
  // An aggregation rule can gather anything, later too.
  if (aggregates === undefined || missingRules(rbac, request, everything).length === 0) return;
  const message = "must have cluster-admin privileges to use the aggregationRule";
  throw forbidden(request.resource, name, { message });
}

function checkBinding(rbac: Source, reviewed: AdmissionReviewed, binding: ApiObject): void {
  const { request, name } = reviewed;
  const roleRef = recordAt(binding, "roleRef");
  const roleName = stringAt(roleRef, "name");
  const resource = stringAt(roleRef, "kind") === "ClusterRole" ? "clusterroles" : "roles";
  const may = verbOn({ verb: "bind", resource, name: roleName }, request.namespace);
  if (rbac.decide(request.user, may).allowed) return;
  const rules = rbac.index.rulesOf(roleRef, request.namespace);
  if (rules === undefined) {
    const message = `${resource}.${rbacGroup} ${JSON.stringify(roleName)} not found`;
    throw forbidden(request.resource, name, { message });
  }
  checkHeld(rbac, reviewed, rules);
}

function verbOn(what: { verb: string; resource: string; name: string }, namespace: string): Attributes {
  return { ...what, group: rbacGroup, subresource: "", namespace };
}

function checkHeld(rbac: Source, { request, name }: AdmissionReviewed, rules: readonly PolicyRule[]): void {
  const missing = missingRules(rbac, request, rules);
  if (missing.length === 0) return;
  const { user, resource } = request;
  const texts = [...new Set(missing.map(ruleText))].sort();
  const who = `user ${JSON.stringify(user.name)} (groups=${listText(user.groups)})`;
  const message = `${who} is attempting to grant RBAC permissions not currently held:\n${texts.join("\n")}`;
  throw forbidden(resource, name, { message });
}

function missingRules(
  rbac: Source,
  { user, namespace }: { user: User; namespace: string },
  rules: readonly PolicyRule[],
): PolicyRule[] {
  return rulesBeyond(rbac.rulesFor(user, namespace), rules);
}
