export type { EventingAdmissionContext } from "../context.ts";
export {
  eventingAnnotations,
  eventingControllerUser,
  eventingGroup,
  eventingLabels,
  eventingNamespace,
  eventingRoleLabels,
} from "./labels.ts";
export { brokerReasons, eventTypeReasons, triggerReasons } from "./reasons.ts";

export { Broker, brokerConditions, BrokerSpec, BrokerStatus } from "./broker.types.ts";
export { defaultBroker } from "./broker.defaults.ts";
export { validateBroker } from "./broker.validation.ts";
export {
  brokerDeadLetterSink,
  initializeBroker,
  markBrokerBusNotFound,
  markChannelTemplateFailed,
  markFilterReady,
  markFilterUnknown,
  markIngressFailed,
  markIngressReady,
  markIngressUnknown,
  markTriggerChannelFailed,
  markTriggerChannelReady,
  markTriggerChannelUnknown,
  setBrokerAddress,
} from "./broker.lifecycle.ts";

export { Trigger, triggerConditions, TriggerSpec, TriggerStatus } from "./trigger.types.ts";
export { defaultTrigger } from "./trigger.defaults.ts";
export { dependencyOf, validateTrigger, type TriggerDependency } from "./trigger.validation.ts";
export {
  initializeTrigger,
  markBrokerDoesNotExist,
  markDependencyDoesNotExist,
  markFailedToGetBroker,
  markFilterInvalid,
  markNoDependency,
  markNotSubscribed,
  markSubscribed,
  markSubscriberNotResolved,
  markSubscriberResolved,
  markSubscriptionUnknown,
  propagateBroker,
  propagateDependency,
  triggerDeadLetterSink,
} from "./trigger.lifecycle.ts";

export { SubscriptionsAPIFilter, TriggerFilter } from "./filter.types.ts";
export { compileFilters, type AttributeLookup, type CompiledFilter } from "./filter.compile.ts";
export { filterDialects, filterLimits, validateAttributeFilter, validateFilters } from "./filter.validation.ts";
