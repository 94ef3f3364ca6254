import { eventingConfigParsers, type EventingConfig } from "@kelvin/api/eventing/config";
import type { ConfigValues } from "@kelvin/controller";

/** The ConfigMaps that hold Eventing's settings, by the names that code calls them. */
export const settingSources = {
  features: { configMap: "config-features", parse: eventingConfigParsers["config-features"] },
  brokerDefaults: { configMap: "config-br-defaults", parse: eventingConfigParsers["config-br-defaults"] },
  brokerChannel: { configMap: "config-br-default-channel", parse: eventingConfigParsers["config-br-default-channel"] },
  channelDefaults: { configMap: "default-ch-webhook", parse: eventingConfigParsers["default-ch-webhook"] },
  dispatcher: { configMap: "config-imc-event-dispatcher", parse: eventingConfigParsers["config-imc-event-dispatcher"] },
} as const;

/** Eventing's settings as they are at one moment. */
export type Settings = ConfigValues<typeof settingSources> & EventingConfig;
