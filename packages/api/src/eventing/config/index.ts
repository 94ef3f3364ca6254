export { ConfigError, type ConfigData } from "../../serving/config/parse-config.ts";
export {
  brokerClassDefault,
  brokerClassFor,
  brokerSettingsFor,
  parseBrokerDefaultsConfig,
  type BrokerDefaults,
  type BrokerDefaultsConfig,
  type BrokerSettings,
} from "./broker-defaults-config.ts";
export {
  channelTemplateDefault,
  channelTemplateFor,
  parseBrokerChannelConfig,
  parseChannelDefaultsConfig,
  parseDispatcherConfig,
  type ChannelDefaultsConfig,
  type ChannelTemplate,
  type DispatcherConfig,
} from "./channel-config.ts";
export type { DefaultsTree } from "./defaults-tree.ts";
export {
  eventingConfigParsers,
  parseEventingConfig,
  type EventingConfig,
  type EventingConfigMap,
} from "./eventing-config.ts";
export {
  authenticationFeatureKey,
  parseEventingFeatures,
  type EventingFeature,
  type EventingFeatures,
} from "./features-config.ts";
