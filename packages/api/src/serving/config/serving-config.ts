import { parseAutoscalerConfig, type AutoscalerConfig } from "./autoscaler-config.ts";
import { parseDefaultsConfig, type DefaultsConfig } from "./defaults-config.ts";
import { parseDeploymentConfig, type DeploymentConfig } from "./deployment-config.ts";
import { parseDomainConfig, type DomainConfig } from "./domain-config.ts";
import { parseFeaturesConfig, type FeaturesConfig } from "./features-config.ts";
import { parseGarbageCollectionConfig, type GarbageCollectionConfig } from "./gc-config.ts";
import { parseNetworkConfig, type NetworkConfig } from "./network-config.ts";
import type { ConfigData } from "./parse-config.ts";

/** All of Serving's settings, as one immutable value. */
export interface ServingConfig {
  readonly autoscaler: AutoscalerConfig;
  readonly defaults: DefaultsConfig;
  readonly deployment: DeploymentConfig;
  readonly domain: DomainConfig;
  readonly features: FeaturesConfig;
  readonly gc: GarbageCollectionConfig;
  readonly network: NetworkConfig;
}

/** Parser of each ConfigMap, by the ConfigMap's name. Use one alone to check a single ConfigMap. */
export const configParsers = {
  "config-autoscaler": parseAutoscalerConfig,
  "config-defaults": parseDefaultsConfig,
  "config-deployment": parseDeploymentConfig,
  "config-domain": parseDomainConfig,
  "config-features": parseFeaturesConfig,
  "config-gc": parseGarbageCollectionConfig,
  "config-network": parseNetworkConfig,
} as const;

/** Name of one of Serving's ConfigMaps. */
export type ServingConfigMap = keyof typeof configParsers;

/** Parses all ConfigMaps; those that are absent count as empty. @throws ConfigError naming ConfigMap and key. */
export function parseServingConfig(content: Partial<Record<ServingConfigMap, ConfigData>> = {}): ServingConfig {
  return {
    autoscaler: parseAutoscalerConfig(content["config-autoscaler"]),
    defaults: parseDefaultsConfig(content["config-defaults"]),
    deployment: parseDeploymentConfig(content["config-deployment"]),
    domain: parseDomainConfig(content["config-domain"]),
    features: parseFeaturesConfig(content["config-features"]),
    gc: parseGarbageCollectionConfig(content["config-gc"]),
    network: parseNetworkConfig(content["config-network"]),
  };
}
