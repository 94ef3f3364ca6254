export {
  Addressable,
  addressStatusProperties,
  DeliverySpec,
  deliveryStatusProperties,
  Destination,
  KReference,
  SubscriberSpec,
  SubscriberStatus,
  type DeliveryStatus,
} from "./destination.types.ts";
export { defaultDelivery, defaultDestination, defaultReference } from "./destination.defaults.ts";
export {
  isEmptyDestination,
  validateDelivery,
  validateDestination,
  validateReference,
  type DeliveryFeatures,
} from "./destination.validation.ts";
export {
  addressOf,
  isCoreService,
  joinUri,
  resolveDestination,
  type Resolution,
  type ResolvedDestination,
} from "./destination.resolution.ts";
export { forbiddenHostReason } from "./forbidden-host.ts";
export {
  deliveryMsMax,
  formatOf,
  retryPolicyDefault,
  retryPolicyOf,
  subscriptionDelivery,
  triggerDelivery,
  type RetryBackoff,
  type RetryPolicy,
} from "./delivery.ts";
export {
  deadLetterSinkMarks,
  markEventPoliciesDisabled,
  markIdentityDisabled,
  setAddress,
  type AddressStatus,
  type DeadLetterSinkMarks,
  type DeadLetterStatus,
} from "./delivery.lifecycle.ts";
export { parsePeriod } from "./period.ts";
