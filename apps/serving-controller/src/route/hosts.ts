import { labels, visibilityClusterLocal, type Route } from "@kelvin/api/serving/v1";
import { defaultGroup } from "./traffic.ts";

/** What config-domain and config-network say about names. */
export interface NameSettings {
  /** The domain for a Route with these labels, such as `example.com`. */
  domainFor(routeLabels: Readonly<Record<string, string>>): string;
  /** The public host. @throws Error when the template gives no valid host. */
  hostFor(parts: HostParts): string;
  /** The name that a tag gets in place of the Route's. */
  tagNameFor(parts: { name: string; tag: string }): string;
  /** Such as `cluster.local`. */
  readonly clusterDomain: string;
  readonly scheme: string;
  /** Where the public gateway is not on the scheme's own port. */
  readonly externalPort?: number;
}

export interface HostParts {
  readonly name: string;
  readonly namespace: string;
  readonly domain: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** The names under which one traffic group of a Route answers. */
export interface GroupHosts {
  readonly tag: string;
  /** Name of the placeholder Service, which makes the in-cluster names exist. */
  readonly serviceName: string;
  /** From the shortest to the full name. */
  readonly localHosts: readonly string[];
  /** Absent when the group is not to be reached from outside. */
  readonly publicHost?: string;
  readonly url: string;
}

export interface HostQuestion {
  readonly settings: NameSettings;
  /** Tags whose placeholder Service a user has labelled cluster-local. */
  readonly localTags: ReadonlySet<string>;
}

/** The names of one group ("" is the Route itself). Pure. @throws Error when they make no valid host. */
export function makeGroupHosts(route: Route, tag: string, { settings, localTags }: HostQuestion): GroupHosts {
  const { name = "", namespace = "" } = route.metadata;
  const serviceName = tag === defaultGroup ? name : settings.tagNameFor({ name, tag });
  const localHosts = makeLocalHosts(serviceName, namespace, settings.clusterDomain);
  if (isClusterLocal(route, settings) || localTags.has(tag)) {
    return { tag, serviceName, localHosts, url: `${settings.scheme}://${localHosts.at(-1) ?? ""}` };
  }
  const { labels: routeLabels = {}, annotations = {} } = route.metadata;
  const domain = settings.domainFor(routeLabels);
  const publicHost = settings.hostFor({ name: serviceName, namespace, domain, labels: routeLabels, annotations });
  const port = settings.externalPort === undefined ? "" : `:${settings.externalPort}`;
  return { tag, serviceName, localHosts, publicHost, url: `${settings.scheme}://${publicHost}${port}` };
}

/** The URL of a Route inside the cluster. */
export function makeAddressUrl(route: Route, settings: NameSettings): string {
  const { name = "", namespace = "" } = route.metadata;
  return `http://${name}.${namespace}.svc.${settings.clusterDomain}`;
}

function makeLocalHosts(name: string, namespace: string, clusterDomain: string): string[] {
  const short = `${name}.${namespace}`;
  return [short, `${short}.svc`, `${short}.svc.${clusterDomain}`];
}

function isClusterLocal(route: Route, settings: NameSettings): boolean {
  if (route.metadata.labels?.[labels.visibility] === visibilityClusterLocal) return true;
  return settings.domainFor(route.metadata.labels ?? {}) === `svc.${settings.clusterDomain}`;
}
