import type { EventingConfig } from "@kelvin/api/eventing/config";
import type { AdmissionWebhook } from "@kelvin/controller";

/** Paths, as in deploy/base/eventing-controller/webhooks.yaml. */
const paths = {
  defaulting: "/defaulting",
  resourceValidation: "/resource-validation",
  configValidation: "/config-validation",
} as const;

/** Names of the webhook configurations there. */
export const mutatingConfigurations = ["webhook.eventing.knative.dev"] as const;
export const validatingConfigurations = [
  "validation.webhook.eventing.knative.dev",
  "config.webhook.eventing.knative.dev",
] as const;

/** Loads what every kind's defaults and validation are made of. */
export const loadRules = (): Promise<typeof import("./rules.ts")> => import("./rules.ts");

/**
 * What the API server asks us before it stores anything: defaults, then validation, of our kinds and of our settings.
 * A start does not wait for the rules.
 */
export function makeWebhooks(settings: () => EventingConfig, systemNamespace: string): AdmissionWebhook[] {
  const place = () => ({ config: settings(), systemNamespace });
  return [
    {
      path: paths.defaulting,
      mutate: async (object, request) => (await loadRules()).defaultObject(object, request, place()),
    },
    {
      path: paths.resourceValidation,
      validate: async (object, request) => (await loadRules()).validateObject(object, request, place()),
    },
    {
      path: paths.configValidation,
      validate: async (object) => (await loadRules()).validateConfigMap(object),
    },
  ];
}
