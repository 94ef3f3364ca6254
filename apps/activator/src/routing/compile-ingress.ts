import { prepareHeaderEdits } from "@kelvin/http-proxy";
import type { Ingress, IngressPath, IngressSplit } from "@kelvin/api/networking/v1alpha1";
import { routingHeaders } from "@kelvin/api/serving/v1";
import type { HostRoute, IngressRoutes, PathRoute, Split, SplitTarget, Visibility } from "./route.ts";

const revisionHeader = routingHeaders.revision.toLowerCase();
const namespaceHeader = routingHeaders.namespace.toLowerCase();

/**
 * Turns an Ingress into what the hot path matches against.
 *
 * @throws TypeError for a header or host that could not stand in a request's head.
 */
export function compileIngress(ingress: Ingress): IngressRoutes {
  const namespace = ingress.metadata.namespace ?? "";
  const key = `${namespace}/${ingress.metadata.name ?? ""}`;
  const redirectsToHttps = ingress.spec.httpOption === "Redirected" && (ingress.spec.tls ?? []).length > 0;
  const hosts = new Map<string, HostRoute>();
  for (const rule of ingress.spec.rules ?? []) {
    const visibility: Visibility = rule.visibility === "ClusterLocal" ? "ClusterLocal" : "ExternalIP";
    const paths = (rule.http?.paths ?? []).map((path) => compilePath(path, namespace));
    for (const name of rule.hosts ?? []) {
      const host = name.toLowerCase();
      const before = hosts.get(`${visibility} ${host}`)?.paths ?? [];
      const redirects = redirectsToHttps && visibility === "ExternalIP";
      hosts.set(`${visibility} ${host}`, {
        host,
        visibility,
        redirectsToHttps: redirects,
        paths: [...before, ...paths],
      });
    }
  }
  return {
    key,
    namespace,
    generation: ingress.metadata.generation ?? 0,
    seniority: `${ingress.metadata.creationTimestamp ?? ""} ${key}`,
    hosts: [...hosts.values()],
    revisions: revisionsOf([...hosts.values()]),
  };
}

function compilePath(path: IngressPath, namespace: string): PathRoute {
  const backends = path.splits ?? [];
  const shares = sharesOf(backends);
  let shareTotal = 0;
  const splits: Split[] = [];
  backends.forEach((split, i) => {
    const share = shares[i] ?? 0;
    if (share <= 0) return;
    shareTotal += share;
    splits.push(compileSplit({ path, split, shareUpTo: shareTotal }, namespace));
  });
  return {
    path: path.path ?? "",
    headers: Object.entries(path.headers ?? {}).map(([name, match]) => ({
      name: name.toLowerCase(),
      value: match.exact ?? "",
    })),
    splits,
    shareTotal,
  };
}

/** A lone split takes everything, whatever its percent says. */
function sharesOf(splits: readonly IngressSplit[]): number[] {
  return splits.length === 1 ? [100] : splits.map((split) => split.percent ?? 0);
}

function compileSplit(from: { path: IngressPath; split: IngressSplit; shareUpTo: number }, namespace: string): Split {
  const { path, split, shareUpTo } = from;
  const set = new Map<string, [string, string]>();
  for (const [name, value] of Object.entries({ ...path.appendHeaders, ...split.appendHeaders })) {
    set.set(name.toLowerCase(), [name, value]);
  }
  const revision = set.get(revisionHeader)?.[1];
  const revisionNamespace = set.get(namespaceHeader)?.[1];
  set.delete(revisionHeader);
  set.delete(namespaceHeader);
  const rules = {
    set: Object.fromEntries(set.values()),
    ...(path.rewriteHost === undefined || path.rewriteHost === "" ? {} : { host: path.rewriteHost }),
  };
  // Prepared here only to refuse a bad one while the last good routes still stand.
  prepareHeaderEdits(rules);
  if (revision !== undefined && revisionNamespace !== undefined) {
    return { target: revisionTarget(revisionNamespace, revision), shareUpTo, rules };
  }
  return { target: serviceTarget(split, namespace), shareUpTo, rules };
}

export function revisionTarget(namespace: string, name: string): SplitTarget {
  return { kind: "revision", namespace, name, key: `${namespace}/${name}` };
}

function serviceTarget(split: IngressSplit, namespace: string): SplitTarget {
  return {
    kind: "service",
    namespace:
      split.serviceNamespace === undefined || split.serviceNamespace === "" ? namespace : split.serviceNamespace,
    name: split.serviceName ?? "",
    port: split.servicePort,
  };
}

function revisionsOf(hosts: readonly HostRoute[]): string[] {
  const keys = new Set<string>();
  for (const host of hosts) {
    for (const path of host.paths) {
      for (const { target } of path.splits) if (target.kind === "revision") keys.add(target.key);
    }
  }
  return [...keys];
}
