import { compileNameTemplate, type NameTemplate } from "./name-template.ts";
import { readConfig, type ConfigData, type ConfigReader } from "./parse-config.ts";

/** config-network: how Routes become host names, and who serves them. */
export interface NetworkConfig {
  readonly ingressClass: string;
  readonly certificateClass: string;
  /** Sees .Name .Namespace .Domain .Annotations .Labels. */
  readonly domainTemplate: NameTemplate;
  /** Sees .Tag .Name. */
  readonly tagTemplate: NameTemplate;
  readonly externalDomainTLS: boolean;
  readonly clusterLocalDomainTLS: boolean;
  readonly systemInternalTLS: boolean;
  /** What plain HTTP does on hosts that have a certificate. */
  readonly httpProtocol: "Enabled" | "Redirected";
  /** How long traffic takes to move to a new latest revision; 0 is at once. */
  readonly rolloutDurationSeconds: number;
  readonly autocreateClusterDomainClaims: boolean;
  readonly enableMeshPodAddressability: boolean;
  readonly meshCompatibilityMode: "auto" | "enabled" | "disabled";
  readonly defaultExternalScheme: "http" | "https";
  /** A label selector for namespaces, as text; empty selects none. */
  readonly namespaceWildcardCertSelector: string;
  /** The port under which the public gateway is reached from outside when it is not the scheme's own; put into `status.url`. */
  readonly externalPort: number | undefined;
  /** `pod`: activators dial pod addresses. `service`: they dial one headless Service a revision (strict mTLS meshes). */
  readonly podAddressing: "pod" | "service";
}

const defaultDomainTemplate = "{{.Name}}.{{.Namespace}}.{{.Domain}}";
const domainSample = { Name: "foo", Namespace: "bar", Domain: "baz.com", Annotations: {}, Labels: {} };

/** The template of cluster-local names, whatever config-network says. */
export const clusterLocalDomainTemplate: NameTemplate = compileNameTemplate(defaultDomainTemplate, domainSample);

/** Parses config-network, old spellings included. @throws ConfigError naming the key. */
export function parseNetworkConfig(content: ConfigData = {}): NetworkConfig {
  const read = readConfig("config-network", content);
  const protocol = read.oneOf(["http-protocol", "httpProtocol"], ["Enabled", "Redirected", "Disabled"], "Enabled");
  if (protocol === "Disabled") read.fail("http-protocol", "Disabled is no longer supported: use Redirected");
  return {
    ingressClass: read.text(["ingress-class", "ingress.class"], "istio.ingress.networking.knative.dev"),
    certificateClass: read.text(
      ["certificate-class", "certificate.class"],
      "cert-manager.certificate.networking.knative.dev",
    ),
    domainTemplate: parseTemplate(read, {
      keys: ["domain-template", "domainTemplate"],
      fallback: defaultDomainTemplate,
      sample: domainSample,
    }),
    tagTemplate: parseTemplate(read, {
      keys: ["tag-template", "tagTemplate"],
      fallback: "{{.Tag}}-{{.Name}}",
      sample: { Tag: "v2", Name: "foo" },
    }),
    externalDomainTLS: readEnabled(read, ["external-domain-tls", "auto-tls", "autoTLS"]),
    clusterLocalDomainTLS: readEnabled(read, ["cluster-local-domain-tls"]),
    systemInternalTLS: readEnabled(read, ["system-internal-tls", "internal-encryption"]),
    httpProtocol: protocol === "Redirected" ? "Redirected" : "Enabled",
    rolloutDurationSeconds: readNotNegative(read, ["rollout-duration", "rolloutDuration"]),
    autocreateClusterDomainClaims: read.boolean(
      ["autocreate-cluster-domain-claims", "autocreateClusterDomainClaims"],
      false,
    ),
    enableMeshPodAddressability: read.boolean("enable-mesh-pod-addressability", false),
    meshCompatibilityMode: read.oneOf("mesh-compatibility-mode", ["auto", "enabled", "disabled"], "auto"),
    defaultExternalScheme: read.oneOf(["default-external-scheme", "defaultExternalScheme"], ["http", "https"], "http"),
    namespaceWildcardCertSelector: read.text("namespace-wildcard-cert-selector", ""),
    externalPort: readPort(read, "kelvin.dev/external-port"),
    podAddressing: read.oneOf("kelvin.dev/pod-addressing", ["pod", "service"], "pod"),
  };
}

interface TemplateSource {
  readonly keys: readonly [string, string];
  readonly fallback: string;
  readonly sample: Parameters<NameTemplate>[0];
}

function parseTemplate(read: ConfigReader, { keys, fallback, sample }: TemplateSource): NameTemplate {
  const source = read.text(keys, fallback);
  let template: NameTemplate;
  try {
    template = compileNameTemplate(source, sample);
  } catch (error) {
    return read.fail(keys[0], error instanceof Error ? error.message : String(error));
  }
  const name = template(sample);
  // A map that the sample lacks leaves holes ("foo-.bar"), so only the shape is looked at here.
  if (name === "" || !/^[A-Za-z0-9.-]+$/.test(name))
    read.fail(keys[0], `"${source}" does not make a host name: "${name}"`);
  return template;
}

function readEnabled(read: ConfigReader, keys: readonly string[]): boolean {
  return read.oneOf(keys, ["Enabled", "Disabled"], "Disabled") === "Enabled";
}

function readNotNegative(read: ConfigReader, keys: readonly [string, ...string[]]): number {
  const value = read.integer(keys, 0);
  return value >= 0 ? value : read.fail(keys[0], `must not be negative, was ${value}`);
}

function readPort(read: ConfigReader, key: string): number | undefined {
  if (read.text(key, "") === "") return undefined;
  const port = read.integer(key, 0);
  return port >= 1 && port <= 65_535 ? port : read.fail(key, `must be a port from 1 to 65535, was ${port}`);
}
