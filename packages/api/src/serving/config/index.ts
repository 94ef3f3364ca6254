export { autoscalerLimits, parseAutoscalerConfig, type AutoscalerConfig } from "./autoscaler-config.ts";
export { parseDefaultsConfig, type DefaultsConfig, type ResourceDefaults } from "./defaults-config.ts";
export {
  parseDeploymentConfig,
  runtimeClassFor,
  type DeploymentConfig,
  type RuntimeClassRule,
} from "./deployment-config.ts";
export {
  clusterLocalDomain,
  domainFor,
  parseDomainConfig,
  type DomainConfig,
  type DomainEntry,
} from "./domain-config.ts";
export {
  featureKey,
  parseFeaturesConfig,
  type Feature,
  type FeatureName,
  type FeaturesConfig,
} from "./features-config.ts";
export { parseGarbageCollectionConfig, type GarbageCollectionConfig } from "./gc-config.ts";
export { compileNameTemplate, type NameTemplate, type TemplateValues } from "./name-template.ts";
export { clusterLocalDomainTemplate, parseNetworkConfig, type NetworkConfig } from "./network-config.ts";
export { ConfigError, type ConfigData } from "./parse-config.ts";
export { configParsers, parseServingConfig, type ServingConfig, type ServingConfigMap } from "./serving-config.ts";
