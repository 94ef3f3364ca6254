import { admitKind, makeAdmissionRules, type AdmissionAnswer, type AdmittedKind, type KubeObject } from "@kelvin/api";
import {
  Bus,
  Channel as BusChannel,
  ClusterBus,
  Subscription as BusSubscription,
  validateBus,
  validateChannel as validateBusChannel,
  validateClusterBus,
  validateSubscription as validateBusSubscription,
} from "@kelvin/api/channels/v1alpha1";
import { eventingConfigParsers, type EventingConfig } from "@kelvin/api/eventing/config";
import {
  Broker,
  defaultBroker,
  defaultTrigger,
  Trigger,
  validateBroker,
  validateTrigger,
  type EventingAdmissionContext,
} from "@kelvin/api/eventing/v1";
import { defaultEventType, EventType, validateEventType } from "@kelvin/api/eventing/v1beta3";
import {
  Channel,
  defaultChannel,
  defaultInMemoryChannel,
  defaultSubscription,
  InMemoryChannel,
  Subscription,
  validateChannel,
  validateInMemoryChannel,
  validateSubscription,
} from "@kelvin/api/messaging/v1";
import { refuseConfigMap, type AdmissionRequest } from "@kelvin/controller";

type Context = Omit<EventingAdmissionContext<KubeObject>, "old">;

const admit = <T extends KubeObject>(kind: AdmittedKind<T, Context>) => admitKind<T, Context>(kind);

/** v0.1's kinds have no defaults that depend on anything. */
const asGiven = (): void => undefined;

const rules = makeAdmissionRules([
  admit({ kind: Channel, default: defaultChannel, validate: validateChannel }),
  admit({ kind: InMemoryChannel, default: defaultInMemoryChannel, validate: validateInMemoryChannel }),
  admit({ kind: Subscription, default: defaultSubscription, validate: validateSubscription }),
  admit({ kind: Broker, default: defaultBroker, validate: validateBroker }),
  admit({ kind: Trigger, default: defaultTrigger, validate: validateTrigger }),
  admit({ kind: EventType, default: defaultEventType, validate: validateEventType }),
  admit({ kind: Bus, default: asGiven, validate: validateBus }),
  admit({ kind: ClusterBus, default: asGiven, validate: validateClusterBus }),
  admit({ kind: BusChannel, default: asGiven, validate: validateBusChannel }),
  admit({ kind: BusSubscription, default: asGiven, validate: validateBusSubscription }),
]);

/** The settings of the moment, and where this controller runs. */
export interface AdmissionPlace {
  readonly config: EventingConfig;
  readonly systemNamespace: string;
}

/** The object with what is absent filled in. */
export function defaultObject(object: KubeObject, request: AdmissionRequest, place: AdmissionPlace): KubeObject {
  rules.default(object, request, contextOf(request, place));
  return object;
}

/** Whether the object may be stored, and what its author should know. */
export function validateObject(
  object: KubeObject,
  request: AdmissionRequest,
  place: AdmissionPlace,
): AdmissionAnswer | undefined {
  return rules.validate(object, request, contextOf(request, place));
}

/** Why a ConfigMap with settings must not be stored, or undefined when it may. */
export function validateConfigMap(object: KubeObject): string | undefined {
  return refuseConfigMap(object, eventingConfigParsers);
}

/** Who may write the subscribers of channels: our own ServiceAccount, in whichever namespace that is. */
function contextOf({ userInfo }: AdmissionRequest, { config, systemNamespace }: AdmissionPlace): Context {
  return { config, userInfo, controllerUsers: [`system:serviceaccount:${systemNamespace}:eventing-controller`] };
}
