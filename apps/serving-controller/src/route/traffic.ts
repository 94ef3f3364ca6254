import { isConditionFalse, isConditionTrue, readyCondition } from "@kelvin/api";
import { labels, type Configuration, type Revision, type Route, type TrafficTarget } from "@kelvin/api/serving/v1";

/** One target of a Route, resolved to a concrete, ready Revision. */
export interface ResolvedTarget {
  readonly revisionName: string;
  readonly percent: number;
  readonly latestRevision: boolean;
  readonly tag?: string;
}

/** Where a Route's requests go. */
export interface Traffic {
  /** What `status.traffic` shows: one row for each target of the spec, in its order. */
  readonly targets: readonly ResolvedTarget[];
  /** Per tag, the revisions to split over; the key "" is the Route's own name. Equal revisions are merged. */
  readonly groups: ReadonlyMap<string, readonly ResolvedTarget[]>;
}

/** Why a target cannot be resolved. `unready` may mend itself; `failed` and `missing` need the user. */
export type TrafficFault =
  | {
      readonly problem: "missing" | "unready" | "failed";
      readonly kind: "Configuration" | "Revision";
      readonly name: string;
    }
  | { readonly problem: "foreign"; readonly target: ForeignRevision };

/** A Revision of another Service than the one the Route belongs to. */
export interface ForeignRevision {
  readonly revisionName: string;
  readonly serviceName: string;
  /** Absent when it belongs to none. */
  readonly actualServiceName?: string;
}

/** Reads from the caches; never mutate what they return. */
export interface TrafficSources {
  findConfiguration(name: string): Configuration | undefined;
  findRevision(name: string): Revision | undefined;
}

/** The key of the group that answers at the Route's own name. */
export const defaultGroup = "";

/**
 * Resolves the targets of a Route to revisions, or tells why it cannot. Pure.
 * When several targets are at fault, a lasting fault wins over one that may mend itself, and the last over the first.
 */
export function resolveTraffic(route: Route, sources: TrafficSources): Traffic | TrafficFault {
  const targets: ResolvedTarget[] = [];
  let fault: TrafficFault | undefined;
  for (const target of route.spec.traffic ?? []) {
    const resolved = resolveTarget(target, { route, sources });
    if (!isFault(resolved)) targets.push(resolved);
    else if (fault === undefined || resolved.problem !== "unready") fault = resolved;
  }
  return fault ?? { targets, groups: groupTargets(targets) };
}

/** Whether resolving ended in a fault. */
export function isFault(result: Traffic | TrafficFault | ResolvedTarget): result is TrafficFault {
  return "problem" in result;
}

interface Question {
  readonly route: Route;
  readonly sources: TrafficSources;
}

function resolveTarget(target: TrafficTarget, { route, sources }: Question): ResolvedTarget | TrafficFault {
  if (target.revisionName !== undefined && target.revisionName !== "") {
    const resolved = resolveRevision(target, { name: target.revisionName, isLatest: false }, sources);
    return isFault(resolved)
      ? resolved
      : (findForeignOwner(route, sources.findRevision(target.revisionName)) ?? resolved);
  }
  const name = target.configurationName ?? "";
  const configuration = sources.findConfiguration(name);
  if (configuration === undefined) return { problem: "missing", kind: "Configuration", name };
  const latestReady = configuration.status?.latestReadyRevisionName ?? "";
  if (latestReady === "") {
    return {
      problem: isConditionFalse(configuration.status, readyCondition) ? "failed" : "unready",
      kind: "Configuration",
      name,
    };
  }
  return resolveRevision(target, { name: latestReady, isLatest: true }, sources);
}

function resolveRevision(
  target: TrafficTarget,
  { name, isLatest }: { name: string; isLatest: boolean },
  sources: TrafficSources,
): ResolvedTarget | TrafficFault {
  const revision = sources.findRevision(name);
  if (revision === undefined) return { problem: "missing", kind: "Revision", name };
  // The latest ready revision of a Configuration keeps its traffic even while it is unwell: there is nothing better.
  if (!isLatest && !isConditionTrue(revision.status, readyCondition)) {
    return {
      problem: isConditionFalse(revision.status, readyCondition) ? "failed" : "unready",
      kind: "Revision",
      name,
    };
  }
  return {
    revisionName: name,
    percent: target.percent ?? 0,
    latestRevision: isLatest,
    ...(target.tag === undefined || target.tag === "" ? {} : { tag: target.tag }),
  };
}

/** A Service's Route may send to Revisions of that Service only: another team's would change under it. */
function findForeignOwner(route: Route, revision: Revision | undefined): TrafficFault | undefined {
  const serviceName = route.metadata.labels?.[labels.service] ?? "";
  const actualServiceName = revision?.metadata.labels?.[labels.service] ?? "";
  if (serviceName === "" || serviceName === actualServiceName) return undefined;
  const revisionName = revision?.metadata.name ?? "";
  return { problem: "foreign", target: { revisionName, serviceName, actualServiceName } };
}

function groupTargets(targets: readonly ResolvedTarget[]): Map<string, readonly ResolvedTarget[]> {
  const groups = new Map<string, ResolvedTarget[]>([[defaultGroup, []]]);
  for (const target of targets) {
    addToGroup(groups, defaultGroup, target);
    if (target.tag !== undefined) addToGroup(groups, target.tag, target);
  }
  return new Map([...groups].map(([tag, members]) => [tag, consolidate(members)]));
}

function addToGroup(groups: Map<string, ResolvedTarget[]>, tag: string, target: ResolvedTarget): void {
  const group = groups.get(tag);
  if (group === undefined) groups.set(tag, [target]);
  else group.push(target);
}

/** Merges targets of the same revision; a group with one revision sends everything there, whatever its percent says. */
function consolidate(members: readonly ResolvedTarget[]): readonly ResolvedTarget[] {
  const byRevision = new Map<string, ResolvedTarget>();
  for (const member of members) {
    const known = byRevision.get(member.revisionName);
    byRevision.set(
      member.revisionName,
      known === undefined ? member : { ...known, percent: known.percent + member.percent },
    );
  }
  const merged = [...byRevision.values()];
  return merged.length === 1 ? merged.map((target) => ({ ...target, percent: 100 })) : merged;
}
