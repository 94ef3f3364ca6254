import { fieldErrorText, fieldWarningTexts, hasErrors, type KubeObject } from "@kelvin/api";
import type { AdmissionConfig, AdmissionContext } from "@kelvin/api/serving/v1";
import type { AdmissionRequest, AdmissionVerdict } from "@kelvin/controller";
import { findAdmittedKind } from "./admitted-kinds.ts";

export { validateConfigMap } from "./config-map.ts";

/** The object with what is absent filled in. */
export function defaultObject(object: KubeObject, request: AdmissionRequest, config: AdmissionConfig): KubeObject {
  if (isToBeLetThrough(object, request)) return object;
  findAdmittedKind(request.kind)?.default(object, contextOf(request, config));
  return object;
}

/** Whether the object may be stored, and what its author should know. */
export function validateObject(
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
