import { buildConfigMap, parseBuildConfig } from "@kelvin/api/build/v1alpha1";

/** The ConfigMap that holds the settings of all Builds. */
export const settingSources = { build: { configMap: buildConfigMap, parse: parseBuildConfig } } as const;
