import { listAt, recordsAt } from "../api-object.ts";
import { combinedResource, isPathAttributes, type Attributes, type PathAttributes } from "./attributes.ts";
import type { ResourceAttributes } from "./attributes.ts";

/** One rule of a Role. It speaks of resources or, in ClusterRoles, of paths. Empty lists where it says nothing. */
export interface PolicyRule {
  readonly verbs: readonly string[];
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames: readonly string[];
  readonly nonResourceURLs: readonly string[];
}

/** The rules of a Role or ClusterRole. */
export function parseRules(role: unknown): PolicyRule[] {
  return recordsAt(role, "rules").map((rule) => ({
    verbs: stringsAt(rule, "verbs"),
    apiGroups: stringsAt(rule, "apiGroups"),
    resources: stringsAt(rule, "resources"),
    resourceNames: stringsAt(rule, "resourceNames"),
    nonResourceURLs: stringsAt(rule, "nonResourceURLs"),
  }));
}

function stringsAt(rule: unknown, field: string): string[] {
  return listAt(rule, field).filter((value) => typeof value === "string");
}

/** The first rule that allows a request. Runs for every request over all that its user holds. */
export function findAllowing(rules: readonly PolicyRule[], attributes: Attributes): PolicyRule | undefined {
  const { verb } = attributes;
  if (isPathAttributes(attributes)) {
    return rules.find((rule) => hasOrAll(rule.verbs, verb) && matchesPath(rule, attributes));
  }
  const combined = combinedResource(attributes);
  return rules.find((rule) => hasOrAll(rule.verbs, verb) && matchesResource(rule, attributes, combined));
}

function matchesPath({ nonResourceURLs }: PolicyRule, { path }: PathAttributes): boolean {
  return nonResourceURLs.some((url) => coversPath(url, path));
}

function matchesResource(rule: PolicyRule, { group, name }: ResourceAttributes, combined: string): boolean {
  if (!hasOrAll(rule.apiGroups, group)) return false;
  // A create names nothing in its URL, so a rule with names never allows it. That is how upstream has it.
  if (rule.resourceNames.length > 0 && !rule.resourceNames.includes(name)) return false;
  return rule.resources.some((resource) => coversResource(resource, combined));
}

/** Whether a rule's resource (`pods`, `pods/log`, `*` or `*`+`/scale`) means the one asked for. */
export function coversResource(held: string, asked: string): boolean {
  if (held === "*" || held === asked) return true;
  return (
    held.startsWith("*/") && asked.endsWith(held.slice(1)) && asked.indexOf("/") === asked.length - held.length + 1
  );
}

/** Whether a rule's path means the one asked for; only a last `*` stands for anything. */
export function coversPath(held: string, asked: string): boolean {
  if (held === "*" || held === asked) return true;
  return held.endsWith("*") && asked.startsWith(held.slice(0, -1));
}

export function hasOrAll(values: readonly string[], wanted: string): boolean {
  return values.includes("*") || values.includes(wanted);
}
