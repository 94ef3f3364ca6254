import type { HeaderEditRules } from "@kelvin/http-proxy";

/** Where a split sends its share. */
export type SplitTarget =
  | { readonly kind: "revision"; readonly namespace: string; readonly name: string; readonly key: string }
  | {
      readonly kind: "service";
      readonly namespace: string;
      readonly name: string;
      readonly port: number | string | undefined;
    };

/** One share of a path's requests. Immutable; `rules` say what is set on the way. */
export interface Split {
  readonly target: SplitTarget;
  /** This split takes what falls below it and above the one before. */
  readonly shareUpTo: number;
  readonly rules: HeaderEditRules;
}

export interface HeaderMatch {
  readonly name: string;
  readonly value: string;
}

export interface PathRoute {
  readonly path: string;
  readonly headers: readonly HeaderMatch[];
  readonly splits: readonly Split[];
  readonly shareTotal: number;
}

export type Visibility = "ExternalIP" | "ClusterLocal";

/** All that one Ingress says of one host with one visibility. */
export interface HostRoute {
  readonly host: string;
  readonly visibility: Visibility;
  readonly redirectsToHttps: boolean;
  readonly paths: readonly PathRoute[];
}

/** An Ingress, ready for matching. */
export interface IngressRoutes {
  readonly key: string;
  readonly namespace: string;
  readonly generation: number;
  /** Orders Ingresses that claim one host: the senior wins. */
  readonly seniority: string;
  readonly hosts: readonly HostRoute[];
  /** Keys of the revisions it sends to. */
  readonly revisions: readonly string[];
}

/** What matching reads of a request. */
export interface RequestHead {
  readonly path: string;
  header(name: string): string | undefined;
}

/** The first path, in list order, whose prefix and headers fit. */
export function findPath(route: HostRoute, head: RequestHead): PathRoute | undefined {
  for (const path of route.paths) {
    if (path.path !== "" && path.path !== "/" && !head.path.startsWith(path.path)) continue;
    if (path.headers.length === 0 || path.headers.every((match) => head.header(match.name) === match.value))
      return path;
  }
  return undefined;
}

/** @param fraction in [0, 1). */
export function chooseSplit(path: PathRoute, fraction: number): Split | undefined {
  if (path.splits.length === 1) return path.splits[0];
  const share = fraction * path.shareTotal;
  return path.splits.find((split) => share < split.shareUpTo);
}
