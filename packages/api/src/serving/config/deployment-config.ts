import { readConfig, type ConfigData } from "./parse-config.ts";
import { parseSimpleYaml, type SimpleYaml } from "./simple-yaml.ts";

/** config-deployment: how pods are made. Keys that only concern Knative's sidecar are accepted and have no effect. */
export interface DeploymentConfig {
  readonly registriesSkippingTagResolving: ReadonlySet<string>;
  readonly digestResolutionTimeoutMs: number;
  readonly progressDeadlineMs: number;
  readonly defaultAffinityType: "prefer-spread-revision-over-nodes" | "none";
  /** Runtime classes with the labels of the Revisions that get them; no labels means all Revisions. */
  readonly runtimeClassNames: readonly RuntimeClassRule[];
  readonly podIsAlwaysSchedulable: boolean;
}

/** One runtime class and who gets it. */
export interface RuntimeClassRule {
  readonly runtimeClassName: string;
  readonly selector: Readonly<Record<string, string>>;
}

/** Parses config-deployment. @throws ConfigError naming the key. */
export function parseDeploymentConfig(content: ConfigData = {}): DeploymentConfig {
  const read = readConfig("config-deployment", content);
  const registries = read.text("registries-skipping-tag-resolving", "kind.local,ko.local,dev.local");
  const config: DeploymentConfig = {
    registriesSkippingTagResolving: new Set(
      registries
        .split(",")
        .map((registry) => registry.trim())
        .filter((registry) => registry !== ""),
    ),
    digestResolutionTimeoutMs: read.durationMs("digest-resolution-timeout", 10_000),
    progressDeadlineMs: read.durationMs("progress-deadline", 600_000),
    defaultAffinityType: read.oneOf(
      "default-affinity-type",
      ["prefer-spread-revision-over-nodes", "none"],
      "prefer-spread-revision-over-nodes",
    ),
    runtimeClassNames: parseRuntimeClasses(read.text("runtime-class-name", ""), read.fail),
    podIsAlwaysSchedulable: read.boolean("pod-is-always-schedulable", false),
  };
  if (config.digestResolutionTimeoutMs <= 0) read.fail("digest-resolution-timeout", "must be more than 0s");
  if (config.progressDeadlineMs <= 0) read.fail("progress-deadline", "must be more than 0s");
  if (config.progressDeadlineMs % 1000 !== 0) read.fail("progress-deadline", "must be given in whole seconds");
  return config;
}

/** The runtime class for a Revision with these labels: the rule with the most labels that match, or undefined. */
export function runtimeClassFor(
  config: DeploymentConfig,
  labels: Readonly<Record<string, string>> = {},
): string | undefined {
  const size = (rule: RuntimeClassRule) => Object.keys(rule.selector).length;
  return config.runtimeClassNames
    .filter(({ selector }) => Object.entries(selector).every(([key, value]) => labels[key] === value))
    .toSorted((a, b) => size(b) - size(a) || (a.runtimeClassName < b.runtimeClassName ? -1 : 1))[0]?.runtimeClassName;
}

function parseRuntimeClasses(source: string, fail: (key: string, text: string) => never): RuntimeClassRule[] {
  let parsed: SimpleYaml;
  try {
    parsed = parseSimpleYaml(source);
  } catch (error) {
    return fail("runtime-class-name", error instanceof Error ? error.message : String(error));
  }
  return Object.entries(parsed).map(([runtimeClassName, rule]) => {
    const selector = typeof rule === "string" ? {} : (rule["selector"] ?? {});
    if (typeof selector === "string" || Object.values(selector).some((value) => typeof value !== "string")) {
      return fail("runtime-class-name", `${runtimeClassName}.selector must be a map of labels`);
    }
    return { runtimeClassName, selector: selector as Record<string, string> };
  });
}
