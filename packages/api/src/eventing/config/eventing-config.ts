import type { ConfigData } from "../../serving/config/parse-config.ts";
import { parseBrokerDefaultsConfig, type BrokerDefaultsConfig } from "./broker-defaults-config.ts";
import {
  parseBrokerChannelConfig,
  parseChannelDefaultsConfig,
  parseDispatcherConfig,
  type ChannelDefaultsConfig,
  type ChannelTemplate,
  type DispatcherConfig,
} from "./channel-config.ts";
import { parseEventingFeatures, type EventingFeatures } from "./features-config.ts";

/** All of Eventing's settings, as one immutable value. */
export interface EventingConfig {
  readonly features: EventingFeatures;
  readonly brokerDefaults: BrokerDefaultsConfig;
  readonly brokerChannel: ChannelTemplate;
  readonly channelDefaults: ChannelDefaultsConfig;
  readonly dispatcher: DispatcherConfig;
}

/** Parser of each ConfigMap, by the ConfigMap's name. Use one alone to check a single ConfigMap. */
export const eventingConfigParsers = {
  "config-features": parseEventingFeatures,
  "config-br-defaults": parseBrokerDefaultsConfig,
  "config-br-default-channel": (content?: ConfigData): ChannelTemplate => parseBrokerChannelConfig(content),
  "default-ch-webhook": parseChannelDefaultsConfig,
  "config-imc-event-dispatcher": parseDispatcherConfig,
} as const;

/** Name of one of Eventing's ConfigMaps. */
export type EventingConfigMap = keyof typeof eventingConfigParsers;

/** Parses all ConfigMaps; those that are absent count as empty. @throws ConfigError naming ConfigMap and key. */
export function parseEventingConfig(content: Partial<Record<EventingConfigMap, ConfigData>> = {}): EventingConfig {
  return {
    features: parseEventingFeatures(content["config-features"]),
    brokerDefaults: parseBrokerDefaultsConfig(content["config-br-defaults"]),
    brokerChannel: parseBrokerChannelConfig(content["config-br-default-channel"]),
    channelDefaults: parseChannelDefaultsConfig(content["default-ch-webhook"]),
    dispatcher: parseDispatcherConfig(content["config-imc-event-dispatcher"]),
  };
}
