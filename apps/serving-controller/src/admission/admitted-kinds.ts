import type { CustomKind, FieldError, KubeObject } from "@kelvin/api";
import { defaultPodAutoscaler, PodAutoscaler, validatePodAutoscaler } from "@kelvin/api/autoscaling/v1alpha1";
import { defaultIngress, Ingress, validateIngress } from "@kelvin/api/networking/v1alpha1";
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
  type AdmissionContext,
} from "@kelvin/api/serving/v1";

/** What admission does with objects of one kind. */
export interface AdmittedKind {
  /** Fills in what is absent, in place. */
  readonly default: (object: KubeObject, context: AdmissionContext<KubeObject>) => void;
  readonly validate: (object: KubeObject, context: AdmissionContext<KubeObject>) => FieldError[];
}

interface Rules<T extends KubeObject> {
  readonly kind: CustomKind<T>;
  readonly default: (object: T, context: AdmissionContext<T>) => void;
  readonly validate: (object: T, context: AdmissionContext<T>) => FieldError[];
}

const admittedKinds: ReadonlyMap<string, AdmittedKind> = new Map([
  admit({ kind: Service, default: defaultService, validate: validateService }),
  admit({ kind: Configuration, default: defaultConfiguration, validate: validateConfiguration }),
  admit({ kind: Revision, default: defaultRevision, validate: validateRevision }),
  admit({ kind: Route, default: defaultRoute, validate: validateRoute }),
  admit({ kind: PodAutoscaler, default: defaultPodAutoscaler, validate: validatePodAutoscaler }),
  admit({ kind: Ingress, default: defaultIngress, validate: validateIngress }),
]);

/** The rules for a kind, or undefined when it is none of ours. */
export function findAdmittedKind(kind: { readonly group: string; readonly kind: string }): AdmittedKind | undefined {
  return admittedKinds.get(nameOf(kind));
}

/** The API server sends an object under its kind, whose schema it has checked: that is what the casts rest on. */
function admit<T extends KubeObject>({ kind, default: fill, validate }: Rules<T>): [string, AdmittedKind] {
  return [
    nameOf(kind),
    {
      default: (object, context) => fill(object as T, context as AdmissionContext<T>),
      validate: (object, context) => validate(object as T, context as AdmissionContext<T>),
    },
  ];
}

function nameOf({ group, kind }: { readonly group: string; readonly kind: string }): string {
  return `${group}/${kind}`;
}
