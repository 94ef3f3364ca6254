import { prepareHeaderEdits } from "@kelvin/http-proxy";
import type { Ingress, IngressPath, IngressRule, IngressSplit } from "@kelvin/api/networking/v1alpha1";
import { routingHeaders } from "@kelvin/api/serving/v1/kinds";
import type { HostRoute, IngressRoutes, PathRoute, Split, SplitTarget, Visibility } from "./route.ts";

const revisionHeader = routingHeaders.revision.toLowerCase();
const namespaceHeader = routingHeaders.namespace.toLowerCase();

/**
 * Turns an Ingress into what the hot path matches against.
 *
 * @throws TypeError for a header or host that could not stand in a request's head.
 */
export function compileIngress({ metadata, spec }: Ingress): IngressRoutes {
  const { namespace = "", name = "", generation = 0, creationTimestamp = "" } = metadata;
  const key = `${namespace}/${name}`;
  const isRedirected = spec.httpOption === "Redirected" && (spec.tls ?? []).length > 0;
  const hosts = compileRules(spec.rules ?? [], { namespace, isRedirected });
  const targets = hosts.flatMap((host) => host.paths).flatMap((path) => path.splits.map((split) => split.target));
  return {
    key,
    namespace,
    generation,
    seniority: `${creationTimestamp} ${key}`,
    hosts,
    revisions: [...new Set(targets.flatMap((target) => (target.kind === "revision" ? [target.key] : [])))],
  };
}

function compileRules(
  rules: readonly IngressRule[],
  { namespace, isRedirected }: { namespace: string; isRedirected: boolean },
): HostRoute[] {
  const routes = new Map<string, HostRoute>();
  for (const rule of rules) {
    const visibility: Visibility = rule.visibility === "ClusterLocal" ? "ClusterLocal" : "ExternalIP";
    const redirectsToHttps = isRedirected && visibility === "ExternalIP";
    const paths = (rule.http?.paths ?? []).map((path) => compilePath(path, namespace));
    for (const host of (rule.hosts ?? []).map((name) => name.toLowerCase())) {
      const key = `${visibility} ${host}`;
      const before = routes.get(key)?.paths ?? [];
      routes.set(key, { host, visibility, redirectsToHttps, paths: [...before, ...paths] });
    }
  }
  return [...routes.values()];
}

function compilePath(path: IngressPath, namespace: string): PathRoute {
  let shareTotal = 0;
  const splits: Split[] = [];
  const backends = path.splits ?? [];
  for (const split of backends) {
    // A lone split takes everything, whatever its percent says.
    const share = backends.length === 1 ? 100 : (split.percent ?? 0);
    if (share <= 0) continue;
    shareTotal += share;
    splits.push(compileSplit({ path, split, shareUpTo: shareTotal }, namespace));
  }
  const headers = Object.entries(path.headers ?? {});
  return {
    path: path.path ?? "",
    headers: headers.map(([name, match]) => ({ name: name.toLowerCase(), value: match.exact ?? "" })),
    splits,
    shareTotal,
  };
}

function compileSplit(
  { path, split, shareUpTo }: { path: IngressPath; split: IngressSplit; shareUpTo: number },
  namespace: string,
): Split {
  const set = new Map<string, [string, string]>();
  for (const [name, value] of Object.entries({ ...path.appendHeaders, ...split.appendHeaders })) {
    set.set(name.toLowerCase(), [name, value]);
  }
  const revision = set.get(revisionHeader)?.[1];
  const revisionNamespace = set.get(namespaceHeader)?.[1];
  set.delete(revisionHeader);
  set.delete(namespaceHeader);
  const { rewriteHost = "" } = path;
  const rules = { set: Object.fromEntries(set.values()), ...(rewriteHost === "" ? {} : { host: rewriteHost }) };
  // Prepared here only to refuse a bad one while the last good routes still stand.
  prepareHeaderEdits(rules);
  const target =
    revision === undefined || revisionNamespace === undefined
      ? serviceTarget(split, namespace)
      : revisionTarget(revisionNamespace, revision);
  return { target, shareUpTo, rules };
}

function revisionTarget(namespace: string, name: string): SplitTarget {
  return { kind: "revision", namespace, name, key: `${namespace}/${name}` };
}

function serviceTarget(
  { serviceNamespace = "", serviceName = "", servicePort }: IngressSplit,
  own: string,
): SplitTarget {
  const namespace = serviceNamespace === "" ? own : serviceNamespace;
  return { kind: "service", namespace, name: serviceName, port: servicePort };
}
