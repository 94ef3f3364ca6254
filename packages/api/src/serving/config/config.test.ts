import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { parse } from "yaml";
import {
  configParsers,
  clusterLocalDomain,
  ConfigError,
  domainFor,
  parseAutoscalerConfig,
  parseDefaultsConfig,
  parseDeploymentConfig,
  parseDomainConfig,
  parseFeaturesConfig,
  parseGarbageCollectionConfig,
  parseNetworkConfig,
  parseServingConfig,
  runtimeClassFor,
  type NameTemplate,
  type ServingConfig,
  type ServingConfigMap,
} from "./index.ts";

describe("defaults", () => {
  test("config-autoscaler", () => {
    expect(parseAutoscalerConfig()).toEqual({
      containerConcurrencyTargetFraction: 0.7,
      containerConcurrencyTargetDefault: 100,
      rpsTargetDefault: 200,
      targetBurstCapacity: 211,
      stableWindowMs: 60_000,
      panicWindowPercentage: 10,
      panicThresholdPercentage: 200,
      maxScaleUpRate: 1000,
      maxScaleDownRate: 2,
      enableScaleToZero: true,
      scaleToZeroGracePeriodMs: 30_000,
      scaleToZeroPodRetentionPeriodMs: 0,
      podAutoscalerClass: "kpa.autoscaling.knative.dev",
      activatorCapacity: 100,
      initialScale: 1,
      allowZeroInitialScale: false,
      minScale: 0,
      maxScale: 0,
      maxScaleLimit: 0,
      scaleDownDelayMs: 0,
    });
  });

  test("config-defaults", () => {
    expect(parseDefaultsConfig()).toMatchObject({
      revisionTimeoutSeconds: 300,
      maxRevisionTimeoutSeconds: 600,
      revisionResponseStartTimeoutSeconds: 300,
      revisionIdleTimeoutSeconds: 0,
      requests: {},
      limits: {},
      containerConcurrency: 0,
      containerConcurrencyMaxLimit: 1000,
      allowContainerConcurrencyZero: true,
      enableServiceLinks: false,
    });
  });

  test("config-features: only multi-container and emptyDir are on", () => {
    const enabled = Object.entries(parseFeaturesConfig())
      .filter(([, flag]) => flag !== "Disabled")
      .map(([name]) => name);
    expect(enabled).toEqual(["multiContainer", "podSpecVolumesEmptyDir"]);
  });

  test("config-deployment and config-gc", () => {
    expect(parseDeploymentConfig()).toEqual({
      registriesSkippingTagResolving: new Set(["kind.local", "ko.local", "dev.local"]),
      digestResolutionTimeoutMs: 10_000,
      progressDeadlineMs: 600_000,
      defaultAffinityType: "prefer-spread-revision-over-nodes",
      runtimeClassNames: [],
      podIsAlwaysSchedulable: false,
    });
    expect(parseGarbageCollectionConfig()).toEqual({
      retainSinceCreateTimeMs: 172_800_000,
      retainSinceLastActiveTimeMs: 54_000_000,
      minNonActiveRevisions: 20,
      maxNonActiveRevisions: 1000,
    });
  });

  test("config-network", () => {
    const { domainTemplate, tagTemplate, ...rest } = parseNetworkConfig();
    expect(domainTemplate({ Name: "a", Namespace: "b", Domain: "c.d" })).toBe("a.b.c.d");
    expect(tagTemplate({ Tag: "t", Name: "n" })).toBe("t-n");
    expect(rest).toEqual({
      ingressClass: "istio.ingress.networking.knative.dev",
      certificateClass: "cert-manager.certificate.networking.knative.dev",
      externalDomainTLS: false,
      clusterLocalDomainTLS: false,
      systemInternalTLS: false,
      httpProtocol: "Enabled",
      rolloutDurationSeconds: 0,
      autocreateClusterDomainClaims: false,
      enableMeshPodAddressability: false,
      meshCompatibilityMode: "auto",
      defaultExternalScheme: "http",
      namespaceWildcardCertSelector: "",
      externalPort: undefined,
      podAddressing: "pod",
    });
  });

  test("all at once, absent ConfigMaps included", () => {
    const config = parseServingConfig({ "config-defaults": { "container-concurrency": "10" } });
    expect(config.defaults.containerConcurrency).toBe(10);
    expect(config.autoscaler).toEqual(parseAutoscalerConfig());
  });
});

test("what is shipped in deploy/base says what the code would do anyway", () => {
  const directory = new URL("../../../../../deploy/base/config/", import.meta.url);
  const shipped = readdirSync(directory)
    .map((name) => parse(readFileSync(new URL(name, directory), "utf8")) as Shipped)
    .filter(({ kind }) => kind === "ConfigMap");
  const content = Object.fromEntries(shipped.map(({ metadata, data = {} }) => [metadata.name, data]));
  expect(Object.keys(content).filter((name) => !(name in configParsers))).toEqual([]);
  expect(comparable(parseServingConfig(content))).toEqual(comparable(parseServingConfig()));
});

// Templates are compared by what they make, domains by which a Route would get.
function comparable({ domain, ...config }: ServingConfig): unknown {
  const values = { Name: "n", Namespace: "ns", Domain: "d", Tag: "t", Labels: {}, Annotations: {} };
  const text = JSON.stringify(config, (_, value: unknown) =>
    typeof value === "function" ? (value as NameTemplate)(values) : value instanceof Set ? [...value] : value,
  );
  return { ...(JSON.parse(text) as object), domain: domainFor(domain) };
}

interface Shipped {
  kind: string;
  metadata: { name: string };
  data?: Record<string, string>;
}

describe("what cannot be used names ConfigMap and key", () => {
  const rows: [ServingConfigMap, Record<string, string>, string][] = [
    [
      "config-autoscaler",
      { "stable-window": "60" },
      'stable-window: must be a duration such as 30s: time: missing unit in duration "60"',
    ],
    ["config-autoscaler", { "stable-window": "5s" }, "stable-window: must be 6s to 1h0m0s, was 5s"],
    ["config-autoscaler", { "stable-window": "60.5s" }, "stable-window: must be given in whole seconds"],
    ["config-autoscaler", { "panic-window-percentage": "0" }, "panic-window-percentage: must be 1 to 100, was 0"],
    ["config-autoscaler", { "max-scale-up-rate": "1" }, "max-scale-up-rate: must be more than 1, was 1"],
    ["config-autoscaler", { "max-scale-down-rate": "0.5" }, "max-scale-down-rate: must be more than 1, was 0.5"],
    ["config-autoscaler", { "activator-capacity": "0" }, "activator-capacity: must be at least 1, was 0"],
    ["config-autoscaler", { "target-burst-capacity": "-2" }, "target-burst-capacity: must be -1 or at least 0, was -2"],
    [
      "config-autoscaler",
      { "container-concurrency-target-percentage": "0" },
      "container-concurrency-target-percentage: must be above 0 and at most 100, was 0",
    ],
    [
      "config-autoscaler",
      { "container-concurrency-target-default": "0.001" },
      "container-concurrency-target-default: times the target percentage must be at least 0.01",
    ],
    [
      "config-autoscaler",
      { "requests-per-second-target-default": "0" },
      "requests-per-second-target-default: must be at least 0.01, was 0",
    ],
    ["config-autoscaler", { "scale-to-zero-grace-period": "0s" }, "scale-to-zero-grace-period: must be more than 0s"],
    [
      "config-autoscaler",
      { "initial-scale": "0" },
      "initial-scale: may be 0 only when allow-zero-initial-scale is true",
    ],
    ["config-autoscaler", { "min-scale": "3", "max-scale": "2" }, "min-scale: 3 is more than max-scale 2"],
    ["config-autoscaler", { "max-scale-limit": "5" }, "max-scale: must be 1 to max-scale-limit 5, was 0"],
    ["config-autoscaler", { "enable-scale-to-zero": "yes" }, 'enable-scale-to-zero: must be true or false, was "yes"'],
    ["config-autoscaler", { "initial-scale": "1.5" }, 'initial-scale: must be a whole number, was "1.5"'],
    [
      "config-defaults",
      { "revision-cpu-request": "lots" },
      'revision-cpu-request: must be a quantity such as 100m or 1Gi, was "lots"',
    ],
    [
      "config-defaults",
      { "revision-timeout-seconds": "700" },
      "revision-timeout-seconds: 700 is more than max-revision-timeout-seconds 600",
    ],
    [
      "config-defaults",
      { "revision-response-start-timeout-seconds": "301" },
      "revision-response-start-timeout-seconds: 301 is more than revision-timeout-seconds 300",
    ],
    [
      "config-defaults",
      { "container-concurrency": "1001" },
      "container-concurrency: must be 0 to container-concurrency-max-limit 1000, was 1001",
    ],
    [
      "config-defaults",
      { "container-name-template": "{{.Nme}}" },
      "container-name-template: {{.Nme}} is not known: use .Name, .Namespace, .Labels, .Annotations",
    ],
    [
      "config-defaults",
      { "enable-service-links": "maybe" },
      'enable-service-links: must be one of true, false, default, was "maybe"',
    ],
    [
      "config-features",
      { "multi-container": "on" },
      'multi-container: must be one of Enabled, Allowed, Disabled, was "on"',
    ],
    ["config-deployment", { "progress-deadline": "1.5s" }, "progress-deadline: must be given in whole seconds"],
    ["config-deployment", { "digest-resolution-timeout": "-1s" }, "digest-resolution-timeout: must be more than 0s"],
    ["config-deployment", { "runtime-class-name": "- gvisor" }, 'runtime-class-name: cannot read the line "- gvisor"'],
    ["config-domain", { "example.com": "selector: app" }, "example.com: selector must be a map of labels"],
    [
      "config-gc",
      { "min-non-active-revisions": "2000" },
      "min-non-active-revisions: 2000 is more than max-non-active-revisions 1000",
    ],
    [
      "config-network",
      { "domain-template": "{{.Name}}/{{.Domain}}" },
      'domain-template: "{{.Name}}/{{.Domain}}" does not make a host name: "foo/baz.com"',
    ],
    ["config-network", { "tag-template": "{{.Tag" }, 'tag-template: "{{.Tag" opens an action that it does not close'],
    [
      "config-network",
      { "http-protocol": "Disabled" },
      "http-protocol: Disabled is no longer supported: use Redirected",
    ],
    ["config-network", { "rollout-duration": "-1" }, "rollout-duration: must not be negative, was -1"],
    [
      "config-network",
      { "kelvin.dev/external-port": "99999" },
      "kelvin.dev/external-port: must be a port from 1 to 65535, was 99999",
    ],
  ];
  test.each(rows)("%s %j", (configMap, content, want) => {
    expect(() => configParsers[configMap](content)).toThrow(new ConfigError(split(configMap, want)));
  });
});

function split(configMap: string, want: string): { configMap: string; key: string; text: string } {
  const colon = want.indexOf(": ");
  return { configMap, key: want.slice(0, colon), text: want.slice(colon + 2) };
}

describe("spellings", () => {
  test("a percentage up to 1 is a fraction", () => {
    const parsed = parseAutoscalerConfig({ "container-concurrency-target-percentage": "0.5" });
    expect(parsed.containerConcurrencyTargetFraction).toBe(0.5);
  });

  test("old keys count, new ones win", () => {
    expect(parseNetworkConfig({ "ingress.class": "old" }).ingressClass).toBe("old");
    expect(parseNetworkConfig({ "ingress.class": "old", "ingress-class": "new" }).ingressClass).toBe("new");
    expect(parseNetworkConfig({ autoTLS: "enabled" }).externalDomainTLS).toBe(true);
  });

  test("gc bounds can be off", () => {
    const off = { "retain-since-create-time": "disabled", "retain-since-last-active-time": "Disabled" };
    expect(parseGarbageCollectionConfig({ ...off, "max-non-active-revisions": "disabled" })).toEqual({
      retainSinceCreateTimeMs: undefined,
      retainSinceLastActiveTimeMs: undefined,
      minNonActiveRevisions: 20,
      maxNonActiveRevisions: undefined,
    });
  });

  test("templates reach labels and annotations", () => {
    const { domainTemplate } = parseNetworkConfig({
      "domain-template": '{{.Name}}-{{index .Annotations "sub"}}.{{.Namespace}}.{{.Domain}}',
    });
    const values = { Name: "a", Namespace: "b", Domain: "c.d", Annotations: { sub: "x" }, Labels: {} };
    expect(domainTemplate(values)).toBe("a-x.b.c.d");
  });

  test("the _example block is no setting", () => {
    expect(parseDomainConfig({ _example: "example.com: |" }).domains).toEqual([]);
    expect(parseAutoscalerConfig({ _example: "stable-window: 1s" })).toEqual(parseAutoscalerConfig());
  });
});

describe("domains", () => {
  const config = parseDomainConfig({
    "example.org": "",
    "prod.example.org": "selector:\n  app: prod\n",
    "eu.prod.example.org": "selector:\n  app: prod\n  'region': \"eu\" # comment\n",
    "a.example.org": "selector:\n  team: x\n",
    "b.example.org": "selector:\n  team: x\n",
  });
  test.each([
    [{}, "example.org"],
    [{ app: "prod" }, "prod.example.org"],
    [{ app: "prod", region: "eu" }, "eu.prod.example.org"],
    [{ team: "x" }, "a.example.org"],
  ])("%j → %s", (labels, want) => {
    expect(domainFor(config, labels)).toBe(want);
  });

  test("without a default one names stay inside the cluster", () => {
    expect(domainFor(parseDomainConfig(), {})).toBe(clusterLocalDomain);
    expect(domainFor(parseDomainConfig({ "x.org": "selector:\n  a: b" }), {})).toBe(clusterLocalDomain);
  });
});

test("runtime classes go by the most labels", () => {
  const config = parseDeploymentConfig({
    "runtime-class-name": "kata: {}\ngvisor:\n  selector:\n    my-label: selector\n",
  });
  expect(runtimeClassFor(config, {})).toBe("kata");
  expect(runtimeClassFor(config, { "my-label": "selector" })).toBe("gvisor");
  expect(runtimeClassFor(parseDeploymentConfig(), {})).toBeUndefined();
});
