import { coversPath, coversResource, hasOrAll, type PolicyRule } from "./policy-rule.ts";

// Whether one set of rules gives at least what another gives. Rules are taken apart into their smallest pieces, one verb on
// one resource (with one name) or on one path, because a right may be held through several rules.

/** What `wanted` gives beyond `held`, as few rules as it can be said in; empty when nothing. */
export function rulesBeyond(held: readonly PolicyRule[], wanted: readonly PolicyRule[]): PolicyRule[] {
  const pieces = wanted.flatMap(piecesOf);
  return compact(pieces.filter((piece) => !held.some((rule) => doesCover(rule, piece))));
}

/** One verb on one target. */
export interface Piece {
  readonly verb: string;
  readonly target: Target;
}

/** A path, or a resource of a group, perhaps one object of it only. */
interface Target {
  readonly group?: string;
  readonly resource?: string;
  readonly name?: string;
  readonly path?: string;
}

export function piecesOf(rule: PolicyRule): Piece[] {
  const names = rule.resourceNames.length === 0 ? [undefined] : rule.resourceNames;
  const targets: Target[] = rule.nonResourceURLs.map((path) => ({ path }));
  for (const group of rule.apiGroups) {
    for (const resource of rule.resources) {
      for (const name of names) targets.push({ group, resource, ...(name !== undefined && { name }) });
    }
  }
  return targets.flatMap((target) => rule.verbs.map((verb) => ({ verb, target })));
}

function doesCover(rule: PolicyRule, { verb, target: { group = "", resource, name, path } }: Piece): boolean {
  if (!hasOrAll(rule.verbs, verb)) return false;
  if (path !== undefined) return rule.nonResourceURLs.some((held) => coversPath(held, path));
  if (resource === undefined || !hasOrAll(rule.apiGroups, group)) return false;
  const coversName = rule.resourceNames.length === 0 || (name !== undefined && rule.resourceNames.includes(name));
  return coversName && rule.resources.some((held) => coversResource(held, resource));
}

/** One rule for each target, with its verbs in the order in which they came. */
function compact(pieces: readonly Piece[]): PolicyRule[] {
  const byTarget = Map.groupBy(pieces, ({ target }) => JSON.stringify(target));
  return [...byTarget.values()].flatMap((same) => {
    const [first] = same;
    if (first === undefined) return [];
    const { group, resource, name, path } = first.target;
    return {
      verbs: [...new Set(same.map(({ verb }) => verb))],
      apiGroups: group === undefined ? [] : [group],
      resources: resource === undefined ? [] : [resource],
      resourceNames: name === undefined ? [] : [name],
      nonResourceURLs: path === undefined ? [] : [path],
    };
  });
}

/** A rule as upstream prints it: `{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}`. */
export function ruleText(rule: PolicyRule): string {
  const parts: readonly [string, readonly string[]][] = [
    ["APIGroups", rule.apiGroups],
    ["Resources", rule.resources],
    ["NonResourceURLs", rule.nonResourceURLs],
    ["ResourceNames", rule.resourceNames],
    ["Verbs", rule.verbs],
  ];
  const texts = parts.filter(([, values]) => values.length > 0).map(([name, values]) => `${name}:${listText(values)}`);
  return `{${texts.join(", ")}}`;
}

/** A list of strings as Go prints it with %q. */
export function listText(values: readonly string[]): string {
  return `[${values.map((value) => JSON.stringify(value)).join(" ")}]`;
}
