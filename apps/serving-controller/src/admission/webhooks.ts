import type { AdmissionConfig } from "@kelvin/api/serving/v1";
import type { AdmissionWebhook } from "@kelvin/controller";

/** Paths, as in deploy/base/serving-controller/webhooks.yaml. */
const paths = {
  defaulting: "/defaulting",
  resourceValidation: "/resource-validation",
  configValidation: "/config-validation",
} as const;

/** Names of the webhook configurations there. */
export const mutatingConfigurations = ["webhook.serving.knative.dev"] as const;
export const validatingConfigurations = [
  "validation.webhook.serving.knative.dev",
  "config.webhook.serving.knative.dev",
] as const;

/** Loads what every kind's defaults and validation are made of. */
export const loadRules = (): Promise<typeof import("./rules.ts")> => import("./rules.ts");

/**
 * What the API server asks us before it stores anything: defaults, then validation, of our kinds and of our settings.
 * The rules are a third of this service's files, so a start does not wait for them.
 */
export function makeWebhooks(config: () => AdmissionConfig): AdmissionWebhook[] {
  return [
    {
      path: paths.defaulting,
      mutate: async (object, request) => (await loadRules()).defaultObject(object, request, config()),
    },
    {
      path: paths.resourceValidation,
      validate: async (object, request) => (await loadRules()).validateObject(object, request, config()),
    },
    { path: paths.configValidation, validate: async (object) => (await loadRules()).validateConfigMap(object) },
  ];
}
