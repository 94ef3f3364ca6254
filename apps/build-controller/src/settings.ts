import { buildConfigMap, parseBuildConfig } from "@kelvin/api/build/v1alpha1";
import { openConfigWatcher, type ConfigWatcher, type EventRecorder, type Log } from "@kelvin/controller";
import type { Clock, KubeClient } from "@kelvin/kube";

const sources = { build: { configMap: buildConfigMap, parse: parseBuildConfig } } as const;

/** The settings of all Builds as they are now. */
export type SettingsWatcher = ConfigWatcher<typeof sources>;

export interface SettingsOptions {
  readonly kube: KubeClient;
  readonly namespace: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly recorder: EventRecorder;
}

/** Starts to follow the ConfigMap of Build. */
export function openSettings(options: SettingsOptions): SettingsWatcher {
  return openConfigWatcher({ ...options, sources });
}
