import type { Store } from "../../storage/store.ts";
import type { AdmissionReviewed } from "../admission/admission.ts";
import type { User } from "../identity/user.ts";
import { StatusError } from "../status-error.ts";
import { openRoleAggregation } from "./aggregation.ts";
import { type Attributes, forbiddenFor } from "./attributes.ts";
import { type Audit, type Need, openAudit } from "./audit.ts";
import { checkEscalation } from "./escalation.ts";
import type { PolicyRule } from "./policy-rule.ts";
import { type Decision, isMaster, openRbac } from "./rbac.ts";

/**
 * `enforce` refuses what RBAC does not grant. `audit` refuses nothing and records what each user needed beyond its grants.
 * `allow` lets every authenticated user do everything.
 */
export type AuthorizationMode = "allow" | "audit" | "enforce";

export const authorizationModes: readonly AuthorizationMode[] = ["allow", "audit", "enforce"];

/** Answers whether a user may do something, in the server's mode. */
export interface Authorizer {
  readonly mode: AuthorizationMode;
  readonly audit: Audit;
  /** @throws StatusError 403. */
  authorize(user: User, attributes: Attributes): void;
  /** What `authorize` would do, with the reason, and without a trace in the record. */
  decide(user: User, attributes: Attributes): Decision;
  /** What RBAC says, whatever the mode: for what is the administrators' own. @throws StatusError 403. */
  requireGrant(user: User, attributes: Attributes): void;
  rulesFor(user: User, namespace: string): PolicyRule[];
  /** Refuses roles and bindings that give away more than their author holds. @throws StatusError 403. */
  checkEscalation(reviewed: AdmissionReviewed): void;
  close(): void;
}

export interface AuthorizerOptions {
  readonly mode: AuthorizationMode;
  /** Hears of each distinct need beyond what is granted, once. */
  readonly reportNeed?: (need: Need) => void;
}

/** Opens the authorizer over the stored roles and bindings, and keeps aggregated roles up to date. */
export function openAuthorizer(store: Store, { mode, reportNeed = () => undefined }: AuthorizerOptions): Authorizer {
  const rbac = openRbac(store);
  const aggregation = openRoleAggregation(store);
  const audit = openAudit(rbac, reportNeed);
  return {
    mode,
    audit,
    authorize(user, attributes) {
      if (mode === "allow" || isMaster(user)) return;
      const { allowed, reason } = rbac.decide(user, attributes);
      if (mode === "audit" || !allowed) audit.record(user, attributes, allowed);
      if (mode === "enforce" && !allowed) throw forbiddenFor(user, attributes, reason);
    },
    decide(user, attributes) {
      const decision = rbac.decide(user, attributes);
      if (mode === "enforce" || decision.allowed) return decision;
      return {
        allowed: true,
        reason: `the authorization mode of this cluster is "${mode}": RBAC alone would refuse it`,
      };
    },
    requireGrant(user, attributes) {
      const { allowed, reason } = rbac.decide(user, attributes);
      if (!allowed) throw forbiddenFor(user, attributes, reason);
    },
    rulesFor: (user, namespace) => rbac.rulesFor(user, namespace),
    checkEscalation(reviewed) {
      if (mode === "allow") return;
      try {
        checkEscalation(rbac, reviewed);
      } catch (error) {
        if (mode === "enforce" || !(error instanceof StatusError)) throw error;
        const { request, name } = reviewed;
        const { group, plural } = request.resource;
        const target = { group, resource: plural, subresource: "", namespace: request.namespace, name };
        audit.record(request.user, { verb: plural.endsWith("bindings") ? "bind" : "escalate", ...target }, false);
      }
    },
    close() {
      aggregation.close();
      rbac.close();
    },
  };
}
