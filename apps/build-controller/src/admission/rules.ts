import { fieldErrorText, hasErrors, type FieldError, type KubeObject } from "@kelvin/api";
import {
  Build,
  BuildTemplate,
  ClusterBuildTemplate,
  defaultBuild,
  parseBuildConfig,
  buildConfigMap,
  validateBuild,
  validateBuildTemplate,
} from "@kelvin/api/build/v1alpha1";
import { refuseConfigMap, type AdmissionRequest } from "@kelvin/controller";

/** The object with what is absent filled in. */
export function defaultObject(object: KubeObject, request: AdmissionRequest): KubeObject {
  if (!isToBeLetThrough(object, request) && request.kind.kind === Build.kind) defaultBuild(object as Build);
  return object;
}

/** Why the object must not be stored, or undefined. The words before the reason are v0.7's, which validated as it defaulted. */
export function refuseObject(object: KubeObject, request: AdmissionRequest): string | undefined {
  if (isToBeLetThrough(object, request)) return undefined;
  const errors = validateObject(object, request.kind.kind);
  return hasErrors(errors) ? `mutation failed: ${fieldErrorText(errors)}` : undefined;
}

/** The API server sends an object under its kind, whose schema it has checked: that is what the casts rest on. */
function validateObject(object: KubeObject, kind: string): FieldError[] {
  switch (kind) {
    case Build.kind:
      return validateBuild(object as Build);
    case BuildTemplate.kind:
    case ClusterBuildTemplate.kind:
      return validateBuildTemplate(object as BuildTemplate);
    default:
      return [];
  }
}

/** Whatever is being deleted must be able to lose its finalizers, and a status is its controller's. */
function isToBeLetThrough(object: KubeObject, { operation, subResource = "" }: AdmissionRequest): boolean {
  return object.metadata.deletionTimestamp !== undefined || operation === "DELETE" || subResource !== "";
}

/** Why a ConfigMap with settings must not be stored, or undefined when it may. */
export function validateConfigMap(object: KubeObject): string | undefined {
  return refuseConfigMap(object, { [buildConfigMap]: parseBuildConfig });
}
