import { configParsers, type ServingConfig } from "@kelvin/api/serving/config";
import { openConfigWatcher, type ConfigWatcher, type EventRecorder, type Log } from "@kelvin/controller";
import type { Clock, KubeClient } from "@kelvin/kube";

/** The ConfigMaps that hold Serving's settings, by the names that code calls them. */
export const settingSources = {
  autoscaler: { configMap: "config-autoscaler", parse: configParsers["config-autoscaler"] },
  defaults: { configMap: "config-defaults", parse: configParsers["config-defaults"] },
  deployment: { configMap: "config-deployment", parse: configParsers["config-deployment"] },
  domain: { configMap: "config-domain", parse: configParsers["config-domain"] },
  features: { configMap: "config-features", parse: configParsers["config-features"] },
  gc: { configMap: "config-gc", parse: configParsers["config-gc"] },
  network: { configMap: "config-network", parse: configParsers["config-network"] },
} as const;

/** Serving's settings as they are now. */
export type SettingsWatcher = ConfigWatcher<typeof settingSources> & { readonly current: ServingConfig };

export interface SettingsOptions {
  readonly kube: KubeClient;
  readonly namespace: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly recorder: EventRecorder;
}

/** Starts to follow the ConfigMaps of Serving. */
export function openSettings(options: SettingsOptions): SettingsWatcher {
  return openConfigWatcher({ ...options, sources: settingSources });
}
