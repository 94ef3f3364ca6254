// The kinds and keys of eventing.knative.dev without defaults, validation and status rules: for services that only read
// objects, and whose start must not wait for what they call later.
export {
  eventingAnnotations,
  eventingControllerUser,
  eventingGroup,
  eventingLabels,
  eventingNamespace,
} from "./labels.ts";
export { Broker, brokerConditions, BrokerSpec, BrokerStatus } from "./broker.types.ts";
export { Trigger, triggerConditions, TriggerSpec, TriggerStatus } from "./trigger.types.ts";
export { EventType, EventTypeSpec, EventTypeStatus } from "../v1beta3/event-type.types.ts";
