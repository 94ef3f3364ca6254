import { configParsers } from "@kelvin/api/serving/config";

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
