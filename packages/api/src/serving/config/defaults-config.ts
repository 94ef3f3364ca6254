import { compileNameTemplate, type NameTemplate } from "./name-template.ts";
import { readConfig, type ConfigData } from "./parse-config.ts";

/** config-defaults: what a Revision gets where its author says nothing. */
export interface DefaultsConfig {
  readonly revisionTimeoutSeconds: number;
  readonly maxRevisionTimeoutSeconds: number;
  readonly revisionResponseStartTimeoutSeconds: number;
  /** 0 means none. */
  readonly revisionIdleTimeoutSeconds: number;
  readonly requests: ResourceDefaults;
  readonly limits: ResourceDefaults;
  /** Makes a container's name from the metadata of the object it is in. */
  readonly containerNameTemplate: NameTemplate;
  readonly initContainerNameTemplate: NameTemplate;
  readonly containerConcurrency: number;
  readonly containerConcurrencyMaxLimit: number;
  readonly allowContainerConcurrencyZero: boolean;
  /** undefined: leave it to Kubernetes. */
  readonly enableServiceLinks: boolean | undefined;
}

/** Quantities by resource; absent where there is no default. */
export interface ResourceDefaults {
  readonly cpu?: string;
  readonly memory?: string;
  readonly "ephemeral-storage"?: string;
}

/** Parses config-defaults. @throws ConfigError naming the key. */
export function parseDefaultsConfig(content: ConfigData = {}): DefaultsConfig {
  const read = readConfig("config-defaults", content);
  const revisionTimeoutSeconds = read.integer("revision-timeout-seconds", 300);
  const serviceLinks = read.oneOf("enable-service-links", ["true", "false", "default"], "false");
  const config: DefaultsConfig = {
    revisionTimeoutSeconds,
    maxRevisionTimeoutSeconds: read.integer("max-revision-timeout-seconds", 600),
    revisionResponseStartTimeoutSeconds: read.integer(
      "revision-response-start-timeout-seconds",
      revisionTimeoutSeconds,
    ),
    revisionIdleTimeoutSeconds: read.integer("revision-idle-timeout-seconds", 0),
    requests: parseResources("request"),
    limits: parseResources("limit"),
    containerNameTemplate: parseTemplate("container-name-template", "user-container"),
    initContainerNameTemplate: parseTemplate("init-container-name-template", "init-container"),
    containerConcurrency: read.integer("container-concurrency", 0),
    containerConcurrencyMaxLimit: read.integer("container-concurrency-max-limit", 1000),
    allowContainerConcurrencyZero: read.boolean("allow-container-concurrency-zero", true),
    enableServiceLinks: serviceLinks === "default" ? undefined : serviceLinks === "true",
  };
  checkDefaults(config, read.fail);
  return config;

  function parseResources(bound: "request" | "limit"): ResourceDefaults {
    const found = (["cpu", "memory", "ephemeral-storage"] as const).flatMap((resource) => {
      const quantity = read.quantity(`revision-${resource}-${bound}`);
      return quantity === undefined ? [] : [[resource, quantity]];
    });
    return Object.fromEntries(found) as ResourceDefaults;
  }

  function parseTemplate(key: string, fallback: string): NameTemplate {
    try {
      return compileNameTemplate(read.text(key, fallback), sampleMetadata);
    } catch (error) {
      return read.fail(key, error instanceof Error ? error.message : String(error));
    }
  }
}

const sampleMetadata = { Name: "name", Namespace: "namespace", Labels: {}, Annotations: {} };

function checkDefaults(config: DefaultsConfig, fail: (key: string, text: string) => never): void {
  const { revisionTimeoutSeconds, maxRevisionTimeoutSeconds, containerConcurrency } = config;
  if (revisionTimeoutSeconds > maxRevisionTimeoutSeconds) {
    fail(
      "revision-timeout-seconds",
      `${revisionTimeoutSeconds} is more than max-revision-timeout-seconds ${maxRevisionTimeoutSeconds}`,
    );
  }
  if (config.revisionResponseStartTimeoutSeconds > revisionTimeoutSeconds) {
    const text = `${config.revisionResponseStartTimeoutSeconds} is more than revision-timeout-seconds ${revisionTimeoutSeconds}`;
    fail("revision-response-start-timeout-seconds", text);
  }
  if (config.revisionIdleTimeoutSeconds > revisionTimeoutSeconds) {
    const text = `${config.revisionIdleTimeoutSeconds} is more than revision-timeout-seconds ${revisionTimeoutSeconds}`;
    fail("revision-idle-timeout-seconds", text);
  }
  if (config.containerConcurrencyMaxLimit < 1) fail("container-concurrency-max-limit", "must be at least 1");
  if (containerConcurrency < 0 || containerConcurrency > config.containerConcurrencyMaxLimit) {
    const text = `must be 0 to container-concurrency-max-limit ${config.containerConcurrencyMaxLimit}, was ${containerConcurrency}`;
    fail("container-concurrency", text);
  }
  if (containerConcurrency === 0 && !config.allowContainerConcurrencyZero) {
    fail("container-concurrency", "may not be 0 while allow-container-concurrency-zero is false");
  }
}
