export {
  channelFinalizer,
  inMemoryChannelFinalizer,
  messagingAnnotations,
  messagingGroup,
  messagingLabels,
  subscriptionFinalizer,
} from "./labels.ts";
export { channelReasons, inMemoryChannelReasons, subscriptionReasons } from "../../eventing/v1/reasons.ts";

export { Channel, channelConditions, ChannelSpec, ChannelStatus, ChannelTemplateSpec } from "./channel.types.ts";
export { defaultChannel } from "./channel.defaults.ts";
export { validateChannel, validateChannelTemplate } from "./channel.validation.ts";
export {
  channelDeadLetterSink,
  initializeChannel,
  markBackingChannelFailed,
  markChannelBusNotFound,
  propagateBackingChannel,
} from "./channel.lifecycle.ts";

export {
  PhysicalSubscription,
  Subscription,
  subscriptionConditions,
  SubscriptionSpec,
  SubscriptionStatus,
} from "./subscription.types.ts";
export { defaultSubscription } from "./subscription.defaults.ts";
export { validateSubscription } from "./subscription.validation.ts";
export {
  initializeSubscription,
  markAddedToChannel,
  markNotAddedToChannel,
  markReferenceNotResolved,
  markReferencesResolved,
  propagateSubscriber,
  type SubscriptionAddresses,
} from "./subscription.lifecycle.ts";

export {
  InMemoryChannel,
  inMemoryChannelConditions,
  InMemoryChannelSpec,
  InMemoryChannelStatus,
} from "./in-memory-channel.types.ts";
export { defaultInMemoryChannel } from "./in-memory-channel.defaults.ts";
export { validateInMemoryChannel } from "./in-memory-channel.validation.ts";
export {
  inMemoryChannelDeadLetterSink,
  initializeInMemoryChannel,
  markChannelServiceFailed,
  markChannelServiceReady,
  markDispatcherFailed,
  markDispatcherReady,
  markDispatcherUnknown,
  markInMemoryChannelBusNotFound,
  setInMemoryChannelAddress,
} from "./in-memory-channel.lifecycle.ts";
