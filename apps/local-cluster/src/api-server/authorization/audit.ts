import type { User } from "../identity/user.ts";
import { type Attributes, combinedResource, isPathAttributes } from "./attributes.ts";
import type { PolicyRule } from "./policy-rule.ts";
import { hasOrAll, coversPath, coversResource } from "./policy-rule.ts";
import type { Rbac } from "./rbac.ts";
import { type Piece, piecesOf } from "./rule-cover.ts";

/** One thing a user was found to do, however often. */
export interface Need {
  readonly user: string;
  readonly verb: string;
  /** `deployments.apps/scale`, or a path. */
  readonly target: string;
  /** Empty for what is asked at the cluster scope. */
  readonly namespace: string;
  readonly isGranted: boolean;
  /** The first few objects it was asked of; empty where requests name none. */
  readonly names: readonly string[];
  readonly count: number;
}

/** A right that a ServiceAccount holds and was not seen to use. */
export interface UnusedRight {
  readonly user: string;
  readonly role: string;
  readonly verb: string;
  readonly target: string;
}

/** What users needed, held against what they were granted. */
export interface Audit {
  record(user: User, attributes: Attributes, isGranted: boolean): void;
  needs(): Need[];
  unusedRights(): UnusedRight[];
}

/** Beyond this nothing new is recorded; counts go on. */
const needsMax = 5_000;
const namesMax = 10;

interface Entry {
  readonly need: Need & { names: string[]; count: number };
  readonly attributes: Attributes;
}

/** Opens an empty record. `report` hears of each distinct need beyond what is granted once. */
export function openAudit(rbac: Pick<Rbac, "index">, report: (need: Need) => void): Audit {
  const entries = new Map<string, Entry>();
  return {
    record(user, attributes, isGranted) {
      const target = targetOf(attributes);
      const { namespace, name } = isPathAttributes(attributes) ? { namespace: "", name: "" } : attributes;
      const key = `${user.name}\n${attributes.verb}\n${target}\n${namespace}\n${isGranted}`;
      let entry = entries.get(key);
      if (entry === undefined) {
        if (entries.size >= needsMax) return;
        const { verb } = attributes;
        const need = { user: user.name, verb, target, namespace, isGranted, names: [], count: 0 };
        entries.set(key, (entry = { need, attributes }));
        if (!isGranted) report({ ...need, names: name === "" ? [] : [name], count: 1 });
      }
      const { need } = entry;
      need.count += 1;
      if (name !== "" && need.names.length < namesMax && !need.names.includes(name)) need.names.push(name);
    },
    needs: () => [...entries.values()].map(({ need }) => need).sort((a, b) => compareText(sortKey(a), sortKey(b))),
    unusedRights: () => unusedRights(rbac, [...entries.values()]),
  };
}

function targetOf(attributes: Attributes): string {
  if (isPathAttributes(attributes)) return attributes.path;
  return qualifiedTarget(combinedResource(attributes), attributes.group);
}

function qualifiedTarget(resource: string, group: string): string {
  if (group === "") return resource;
  const [plural = "", ...subresource] = resource.split("/");
  return [`${plural}.${group}`, ...subresource].join("/");
}

function sortKey({ isGranted, user, target, verb, namespace }: Need): string {
  return [Number(isGranted), user, target, verb, namespace].join("\n");
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function unusedRights(rbac: Pick<Rbac, "index">, entries: readonly Entry[]): UnusedRight[] {
  const unused: UnusedRight[] = [];
  for (const [subject, grants] of rbac.index.bySubject()) {
    const user = subject.slice("User:".length);
    if (!user.startsWith("system:serviceaccount:")) continue;
    const own = entries.filter(({ need }) => need.user === user);
    for (const { rules, roleName, namespace } of grants) {
      const used = own.filter(({ need }) => namespace === "" || need.namespace === namespace);
      for (const rule of rules)
        unused.push(...unusedOf(rule, used).map((right) => ({ user, role: roleName, ...right })));
    }
  }
  return unused.sort((a, b) => compareText(JSON.stringify(a), JSON.stringify(b)));
}

function unusedOf(rule: PolicyRule, entries: readonly Entry[]): Pick<UnusedRight, "verb" | "target">[] {
  return piecesOf(rule)
    .filter((piece) => !entries.some((entry) => isUse(piece, entry)))
    .map(({ verb, target: { group = "", resource = "", name, path } }) => {
      const suffix = name === undefined ? "" : ` ${JSON.stringify(name)}`;
      return { verb, target: path ?? `${qualifiedTarget(resource, group)}${suffix}` };
    });
}

function isUse({ verb, target }: Piece, { attributes, need: { names } }: Entry): boolean {
  const { resource, group = "", name, path } = target;
  if (!hasOrAll([verb], attributes.verb)) return false;
  if (isPathAttributes(attributes)) return path !== undefined && coversPath(path, attributes.path);
  if (resource === undefined || !hasOrAll([group], attributes.group)) return false;
  if (name !== undefined && !names.includes(name)) return false;
  return coversResource(resource, combinedResource(attributes));
}
