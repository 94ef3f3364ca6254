import { parseSimpleYaml } from "./simple-yaml.ts";
import { ConfigError, type ConfigData } from "./parse-config.ts";

/** config-domain: which domain the Routes with which labels get. */
export interface DomainConfig {
  readonly domains: readonly DomainEntry[];
}

/** One domain. Without a selector it is the default one. */
export interface DomainEntry {
  readonly domain: string;
  readonly selector: Readonly<Record<string, string>> | undefined;
}

/** The domain of names inside the cluster, and the default one while no other is configured. */
export const clusterLocalDomain = "svc.cluster.local";

/** Parses config-domain: `<domain>: ""` or a selector in YAML. @throws ConfigError naming the domain. */
export function parseDomainConfig(content: ConfigData = {}): DomainConfig {
  const domains = Object.entries(content)
    .filter(([domain]) => domain !== "_example")
    .map(([domain, raw]): DomainEntry => ({ domain, selector: parseSelector(domain, raw) }));
  return { domains };
}

/**
 * The domain for a Route with these labels: the entry whose selector matches with the most labels, ties by name;
 * without any that matches, the one without selector, and without that the cluster-local one.
 */
export function domainFor(config: DomainConfig, routeLabels: Readonly<Record<string, string>> = {}): string {
  const matching = config.domains
    .filter(({ selector = {} }) => Object.entries(selector).every(([key, value]) => routeLabels[key] === value))
    .toSorted((a, b) => selectorSize(b) - selectorSize(a) || (a.domain < b.domain ? -1 : 1));
  return matching[0]?.domain ?? clusterLocalDomain;
}

function selectorSize({ selector = {} }: DomainEntry): number {
  return Object.keys(selector).length;
}

function parseSelector(domain: string, raw: string): DomainEntry["selector"] {
  if (raw.trim() === "") return undefined;
  const fail = (text: string): never => {
    throw new ConfigError({ configMap: "config-domain", key: domain, text });
  };
  let parsed: ReturnType<typeof parseSimpleYaml>;
  try {
    parsed = parseSimpleYaml(raw);
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error));
  }
  const selector = parsed["selector"];
  if (selector === undefined || selector === "") return undefined;
  if (typeof selector === "string") return fail("selector must be a map of labels");
  const nested = Object.entries(selector).find(([, value]) => typeof value !== "string");
  if (nested !== undefined) return fail(`selector.${nested[0]} must be a string`);
  return selector as Record<string, string>;
}
