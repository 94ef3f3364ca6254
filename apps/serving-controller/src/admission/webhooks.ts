import { fieldErrorText, fieldWarningTexts, hasErrors, type KubeObject } from "@kelvin/api";
import type { AdmissionConfig, AdmissionContext } from "@kelvin/api/serving/v1";
import type { AdmissionRequest, AdmissionVerdict, AdmissionWebhook } from "@kelvin/controller";
import { validateConfigMap } from "./config-map.ts";
import { findAdmittedKind } from "./admitted-kinds.ts";

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

/** What the API server asks us before it stores anything: defaults, then validation, of our kinds and of our settings. */
export function makeWebhooks(config: () => AdmissionConfig): AdmissionWebhook[] {
  return [
    { path: paths.defaulting, mutate: (object, request) => defaultObject(object, request, config()) },
    { path: paths.resourceValidation, validate: (object, request) => validateObject(object, request, config()) },
    { path: paths.configValidation, validate: (object) => validateConfigMap(object) },
  ];
}

function defaultObject(object: KubeObject, request: AdmissionRequest, config: AdmissionConfig): KubeObject {
  if (isToBeLetThrough(object, request)) return object;
  findAdmittedKind(request.kind)?.default(object, contextOf(request, config));
  return object;
}

function validateObject(
  object: KubeObject,
  request: AdmissionRequest,
  config: AdmissionConfig,
): AdmissionVerdict | undefined {
  if (isToBeLetThrough(object, request)) return undefined;
  const errors = findAdmittedKind(request.kind)?.validate(object, contextOf(request, config)) ?? [];
  return {
    ...(hasErrors(errors) ? { denied: `validation failed: ${fieldErrorText(errors)}` } : {}),
    warnings: fieldWarningTexts(errors),
  };
}

/** Whatever is being deleted must be able to lose its finalizers, and a status is its controller's. */
function isToBeLetThrough(object: KubeObject, { operation, subResource = "" }: AdmissionRequest): boolean {
  return object.metadata.deletionTimestamp !== undefined || operation === "DELETE" || subResource !== "";
}

function contextOf(request: AdmissionRequest, config: AdmissionConfig): AdmissionContext<KubeObject> {
  const { oldObject, userInfo } = request;
  return { config, userInfo, ...(oldObject === undefined ? {} : { old: oldObject }) };
}
