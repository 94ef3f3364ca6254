import type { AdmissionWebhook } from "@kelvin/controller";

/** Paths, as in deploy/base/build-controller/webhooks.yaml. */
const paths = { admission: "/admission", configValidation: "/config-validation" } as const;

/** Names of the webhook configurations there. */
export const mutatingConfigurations = ["webhook.build.knative.dev"] as const;
export const validatingConfigurations = ["config.webhook.build.knative.dev"] as const;

const loadRules = (): Promise<typeof import("./rules.ts")> => import("./rules.ts");

/**
 * What the API server asks us before it stores anything. As in v0.7 one webhook fills in and refuses: its mutations come
 * before anybody's validation, and its refusals say "mutation failed". The rules are loaded with the first question.
 */
export function makeWebhooks(): AdmissionWebhook[] {
  return [
    {
      path: paths.admission,
      mutate: async (object, request) => (await loadRules()).defaultObject(object, request),
      validate: async (object, request) => (await loadRules()).refuseObject(object, request),
    },
    { path: paths.configValidation, validate: async (object) => (await loadRules()).validateConfigMap(object) },
  ];
}
