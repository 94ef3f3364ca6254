import type { Store } from "../../storage/store.ts";
import type { ApiObject, JsonObject } from "../api-object.ts";
import { recordAt, recordsAt, stringAt } from "../api-object.ts";
import type { User } from "../identity/user.ts";
import type { PolicyRule } from "./policy-rule.ts";
import { hasOrAll, parseRules } from "./policy-rule.ts";

export const rbacGroup = "rbac.authorization.k8s.io";
export const rbacTypes = {
  clusterRole: `${rbacGroup}/clusterroles`,
  role: `${rbacGroup}/roles`,
  clusterRoleBinding: `${rbacGroup}/clusterrolebindings`,
  roleBinding: `${rbacGroup}/rolebindings`,
} as const;

/** The rules of one role. */
interface RoleRules {
  readonly rules: readonly PolicyRule[];
  /** Those that speak of a verb, so that a request need not look at the others. */
  readonly on: (verb: string) => readonly PolicyRule[];
}

/** What one binding gives to one subject. */
export interface Grant extends RoleRules {
  /** For people, in upstream's words. */
  readonly reason: string;
  /** The role's own name, for reports: `ClusterRole view`, `Role knative-serving/activator`. */
  readonly roleName: string;
  /** Why the binding gives nothing: its role does not exist. */
  readonly problem?: string;
}

/** Who holds what, by subject, so that a request looks at its own user's grants only. */
export interface RoleIndex {
  /** Empty namespace: what is held everywhere, and nothing else. */
  grantsOf(user: User, namespace: string): Grant[];
  /** The rules behind a roleRef; `undefined` when there is no such role. */
  rulesOf(roleRef: unknown, namespace: string): readonly PolicyRule[] | undefined;
  /** Every subject that a binding names, as `User:name` or `Group:name`, with all that it is given anywhere. */
  bySubject(): Map<string, (Grant & { readonly namespace: string })[]>;
}

type Grants = Map<string, Grant[]>;

/** Builds the index from what is stored now. */
export function makeRoleIndex(store: Store): RoleIndex {
  const roles = new Map<string, RoleRules>();
  for (const role of store.list(rbacTypes.clusterRole)) roles.set(roleKey("", role.metadata.name), rulesOfStored(role));
  for (const role of store.list(rbacTypes.role)) {
    roles.set(roleKey(role.metadata.namespace ?? "", role.metadata.name), rulesOfStored(role));
  }
  const roleOf = (roleRef: unknown, namespace: string): RoleRules | undefined => {
    const isClusterRole = stringAt(roleRef, "kind") === "ClusterRole";
    return roles.get(roleKey(isClusterRole ? "" : namespace, stringAt(roleRef, "name")));
  };
  const grants = new Map<string, Grants>();
  const bindings = [...store.list(rbacTypes.clusterRoleBinding), ...store.list(rbacTypes.roleBinding)];
  for (const binding of bindings) addBinding(grants, binding, roleOf);
  return {
    rulesOf: (roleRef, namespace) => roleOf(roleRef, namespace)?.rules,
    grantsOf(user, namespace) {
      const found: Grant[] = [];
      const places = namespace === "" ? [""] : ["", namespace];
      for (const place of places) {
        const held = grants.get(place);
        if (held !== undefined) collect(held, user, found);
      }
      return found;
    },
    bySubject() {
      const all = new Map<string, (Grant & { readonly namespace: string })[]>();
      for (const [namespace, held] of grants) {
        for (const [subject, list] of held) {
          all.set(subject, [...(all.get(subject) ?? []), ...list.map((grant) => ({ ...grant, namespace }))]);
        }
      }
      return all;
    },
  };
}

const noRules: RoleRules = { rules: [], on: () => [] };

// Stored objects are frozen, so a role is read once however often the index is built.
const rolesRead = new WeakMap<ApiObject, RoleRules>();

function rulesOfStored(stored: ApiObject): RoleRules {
  let role = rolesRead.get(stored);
  if (role === undefined) rolesRead.set(stored, (role = groupByVerb(parseRules(stored))));
  return role;
}

function groupByVerb(rules: readonly PolicyRule[]): RoleRules {
  const named = new Set(rules.flatMap(({ verbs }) => verbs));
  const byVerb = new Map([...named].map((verb) => [verb, rules.filter(({ verbs }) => hasOrAll(verbs, verb))]));
  const onAny = byVerb.get("*") ?? [];
  return { rules, on: (verb) => byVerb.get(verb) ?? onAny };
}

function roleKey(namespace: string, name: string | undefined): string {
  return `${namespace}/${name ?? ""}`;
}

function collect(held: Grants, user: User, found: Grant[]): void {
  const own = held.get(`User:${user.name}`);
  if (own !== undefined) found.push(...own);
  for (const group of user.groups) {
    const shared = held.get(`Group:${group}`);
    if (shared !== undefined) found.push(...shared);
  }
}

type RoleOf = (roleRef: unknown, namespace: string) => RoleRules | undefined;

function addBinding(grants: Map<string, Grants>, binding: ApiObject, roleOf: RoleOf): void {
  const { name = "", namespace = "" } = binding.metadata;
  const roleRef = recordAt(binding, "roleRef");
  const role = roleOf(roleRef, namespace);
  const roleKind = stringAt(roleRef, "kind");
  const boundRole = stringAt(roleRef, "name");
  const roleName = `${roleKind} ${roleKind === "Role" ? `${namespace}/` : ""}${boundRole}`;
  const held = grants.get(namespace) ?? new Map<string, Grant[]>();
  grants.set(namespace, held);
  for (const subject of recordsAt(binding, "subjects")) {
    const key = subjectKey(subject, namespace);
    if (key === undefined) continue;
    const place = namespace === "" ? JSON.stringify(name) : JSON.stringify(`${name}/${namespace}`);
    const kind = namespace === "" ? "ClusterRoleBinding" : "RoleBinding";
    const to = `${stringAt(subject, "kind")} ${JSON.stringify(subjectName(subject, namespace))}`;
    const problem = `${roleKind.toLowerCase()}.${rbacGroup} ${JSON.stringify(boundRole)} not found`;
    const reason = `RBAC: allowed by ${kind} ${place} of ${roleKind} ${JSON.stringify(boundRole)} to ${to}`;
    const grant: Grant = { ...(role ?? noRules), reason, roleName, ...(role === undefined && { problem }) };
    const others = held.get(key);
    if (others === undefined) held.set(key, [grant]);
    else others.push(grant);
  }
}

/** A ServiceAccount is found as the user that its tokens stand for. */
function subjectKey(subject: JsonObject, bindingNamespace: string): string | undefined {
  const name = stringAt(subject, "name");
  switch (stringAt(subject, "kind")) {
    case "User":
      return `User:${name}`;
    case "Group":
      return `Group:${name}`;
    case "ServiceAccount": {
      const namespace = stringAt(subject, "namespace") || bindingNamespace;
      return namespace === "" ? undefined : `User:system:serviceaccount:${namespace}:${name}`;
    }
    default:
      return undefined;
  }
}

function subjectName(subject: JsonObject, bindingNamespace: string): string {
  const name = stringAt(subject, "name");
  if (stringAt(subject, "kind") !== "ServiceAccount") return name;
  return `${name}/${stringAt(subject, "namespace") || bindingNamespace}`;
}
