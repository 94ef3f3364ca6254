import type { Store } from "../../storage/store.ts";
import type { ApiObject, JsonObject } from "../api-object.ts";
import { recordAt, recordsAt, stringAt } from "../api-object.ts";
import type { User } from "../identity/user.ts";
import type { PolicyRule } from "./policy-rule.ts";
import { parseRules } from "./policy-rule.ts";

export const rbacGroup = "rbac.authorization.k8s.io";
export const rbacTypes = {
  clusterRole: `${rbacGroup}/clusterroles`,
  role: `${rbacGroup}/roles`,
  clusterRoleBinding: `${rbacGroup}/clusterrolebindings`,
  roleBinding: `${rbacGroup}/rolebindings`,
} as const;

/** What one binding gives to one subject. */
export interface Grant {
  readonly rules: readonly PolicyRule[];
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
  const roles = new Map<string, readonly PolicyRule[]>();
  for (const role of store.list(rbacTypes.clusterRole)) roles.set(roleKey("", role.metadata.name), parseRules(role));
  for (const role of store.list(rbacTypes.role)) {
    roles.set(roleKey(role.metadata.namespace ?? "", role.metadata.name), parseRules(role));
  }
  const rulesOf = (roleRef: unknown, namespace: string): readonly PolicyRule[] | undefined => {
    const isClusterRole = stringAt(roleRef, "kind") === "ClusterRole";
    return roles.get(roleKey(isClusterRole ? "" : namespace, stringAt(roleRef, "name")));
  };
  const grants = new Map<string, Grants>();
  const bindings = [...store.list(rbacTypes.clusterRoleBinding), ...store.list(rbacTypes.roleBinding)];
  for (const binding of bindings) addBinding(grants, binding, rulesOf);
  return {
    rulesOf,
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

function addBinding(grants: Map<string, Grants>, binding: ApiObject, rulesOf: RoleIndex["rulesOf"]): void {
  const { name = "", namespace = "" } = binding.metadata;
  const roleRef = recordAt(binding, "roleRef");
  const rules = rulesOf(roleRef, namespace);
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
    held.set(key, [
      ...(held.get(key) ?? []),
      { rules: rules ?? [], reason, roleName, ...(rules === undefined && { problem }) },
    ]);
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
