import { JournalWriteError } from "../../storage/journal.ts";
import type { Store } from "../../storage/store.ts";
import { equalJson, listAt, recordsAt, type ApiObject } from "../api-object.ts";
import { labelSelectorMatcher } from "../reading/selectors.ts";
import { rbacTypes } from "./role-index.ts";

// ClusterRoles with an aggregationRule hold the rules of all the ClusterRoles that it selects.

/** Roles may gather roles that gather roles; each round passes rules on by one step at least. */
const roundsMax = 10;

/** Brings all aggregated ClusterRoles up to date now, and after each change of any ClusterRole. */
export function openRoleAggregation(store: Store): { close(): void } {
  let isDue = false;
  let isClosed = false;
  aggregateRoles(store);
  const stop = store.watch(rbacTypes.clusterRole, store.revision, () => {
    if (isDue) return;
    isDue = true;
    // The commit that is being announced must be over before the next write.
    queueMicrotask(() => {
      // Our own writes find `isDue` still set: roles that gather each other must not keep us busy for ever.
      try {
        if (!isClosed) aggregateRoles(store);
      } catch (error) {
        // The disk is full: the next change of a role, or the next start, brings them up to date.
        if (!(error instanceof JournalWriteError)) throw error;
      }
      isDue = false;
    });
  });
  return {
    close() {
      isClosed = true;
      stop();
    },
  };
}

function aggregateRoles(store: Store): void {
  let hasChanged = true;
  for (let round = 0; hasChanged && round < roundsMax; round++) {
    hasChanged = false;
    for (const role of store.list(rbacTypes.clusterRole)) {
      const rules = gatheredRules(role, store.list(rbacTypes.clusterRole));
      if (rules === undefined || equalJson(rules, listAt(role, "rules"))) continue;
      const key = { type: rbacTypes.clusterRole, namespace: "", name: role.metadata.name ?? "" };
      store.put(key, { ...role, rules, metadata: { ...role.metadata } });
      hasChanged = true;
    }
  }
}

function gatheredRules(role: ApiObject, roles: readonly ApiObject[]): unknown[] | undefined {
  if (role["aggregationRule"] === undefined || role["aggregationRule"] === null) return undefined;
  const rules: unknown[] = [];
  for (const selector of recordsAt(role, "aggregationRule", "clusterRoleSelectors")) {
    const matches = labelSelectorMatcher(selector);
    const others = roles.filter((other) => other !== role && matches(other.metadata.labels ?? {}));
    for (const rule of others.flatMap((other) => listAt(other, "rules"))) {
      if (!rules.some((known) => equalJson(known, rule))) rules.push(rule);
    }
  }
  return rules;
}
