import type { Store } from "../../storage/store.ts";
import type { User } from "../identity/user.ts";
import { type Attributes, isPathAttributes } from "./attributes.ts";
import { findAllowing, type PolicyRule } from "./policy-rule.ts";
import { type Grant, makeRoleIndex, rbacTypes, type RoleIndex } from "./role-index.ts";

/** What RBAC says to a request; `reason` names the binding that allows it. */
export interface Decision {
  readonly allowed: boolean;
  readonly reason: string;
}

/** Role based access control over what is stored at the moment of the question. */
export interface Rbac {
  decide(user: User, attributes: Attributes): Decision;
  /** All that a user holds in a namespace; with an empty one, what it holds everywhere. */
  rulesFor(user: User, namespace: string): PolicyRule[];
  readonly index: RoleIndex;
  close(): void;
}

/** Members of this group are asked nothing: who may write bindings for all must not be able to lose that. */
const mastersGroup = "system:masters";

export function isMaster({ groups }: User): boolean {
  return groups.includes(mastersGroup);
}

const masterDecision: Decision = { allowed: true, reason: "" };

/** Follows roles and bindings. The index is built again at the first question after a change. */
export function openRbac(store: Store): Rbac {
  let index: RoleIndex | undefined;
  const forget = (): void => {
    index = undefined;
  };
  const stops = Object.values(rbacTypes).map((type) => store.watch(type, store.revision, forget));
  const current = (): RoleIndex => (index ??= makeRoleIndex(store));
  return {
    get index() {
      return current();
    },
    decide(user, attributes) {
      if (isMaster(user)) return masterDecision;
      const namespace = isPathAttributes(attributes) ? "" : attributes.namespace;
      const grants = current().grantsOf(user, namespace);
      for (const { on, reason } of grants) {
        if (findAllowing(on(attributes.verb), attributes) !== undefined) return { allowed: true, reason };
      }
      return refusalOf(grants);
    },
    rulesFor: (user, namespace) =>
      current()
        .grantsOf(user, namespace)
        .flatMap(({ rules }) => rules),
    close() {
      for (const stop of stops) stop();
    },
  };
}

function refusalOf(grants: readonly Grant[]): Decision {
  const problems = grants.flatMap(({ problem }) => problem ?? []);
  if (problems.length === 0) return { allowed: false, reason: "" };
  return { allowed: false, reason: `RBAC: ${problems.length === 1 ? problems[0] : `[${problems.join(", ")}]`}` };
}
