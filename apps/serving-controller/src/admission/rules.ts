import { admitKind, makeAdmissionRules, type AdmissionAnswer, type AdmittedKind, type KubeObject } from "@kelvin/api";
import { defaultPodAutoscaler, PodAutoscaler, validatePodAutoscaler } from "@kelvin/api/autoscaling/v1alpha1";
import { defaultIngress, Ingress, validateIngress } from "@kelvin/api/networking/v1alpha1";
import { configParsers } from "@kelvin/api/serving/config";
import {
  Configuration,
  defaultConfiguration,
  defaultRevision,
  defaultRoute,
  defaultService,
  Revision,
  Route,
  Service,
  validateConfiguration,
  validateRevision,
  validateRoute,
  validateService,
  type AdmissionConfig,
  type AdmissionContext,
} from "@kelvin/api/serving/v1";
import { refuseConfigMap, type AdmissionRequest } from "@kelvin/controller";

type Context = Omit<AdmissionContext<KubeObject>, "old">;

const admit = <T extends KubeObject>(kind: AdmittedKind<T, Context>) => admitKind<T, Context>(kind);

const rules = makeAdmissionRules([
  admit({ kind: Service, default: defaultService, validate: validateService }),
  admit({ kind: Configuration, default: defaultConfiguration, validate: validateConfiguration }),
  admit({ kind: Revision, default: defaultRevision, validate: validateRevision }),
  admit({ kind: Route, default: defaultRoute, validate: validateRoute }),
  admit({ kind: PodAutoscaler, default: defaultPodAutoscaler, validate: validatePodAutoscaler }),
  admit({ kind: Ingress, default: defaultIngress, validate: validateIngress }),
]);

/** The object with what is absent filled in. */
export function defaultObject(object: KubeObject, request: AdmissionRequest, config: AdmissionConfig): KubeObject {
  rules.default(object, request, { config, userInfo: request.userInfo });
  return object;
}

/** Whether the object may be stored, and what its author should know. */
export function validateObject(
  object: KubeObject,
  request: AdmissionRequest,
  config: AdmissionConfig,
): AdmissionAnswer | undefined {
  return rules.validate(object, request, { config, userInfo: request.userInfo });
}

/** Why a ConfigMap with settings must not be stored, or undefined when it may. */
export function validateConfigMap(object: KubeObject): string | undefined {
  return refuseConfigMap(object, configParsers);
}
