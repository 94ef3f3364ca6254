// The kinds and keys of messaging.knative.dev without defaults, validation and status rules: for services that only read
// objects, and whose start must not wait for what they call later.
export {
  channelFinalizer,
  inMemoryChannelFinalizer,
  messagingAnnotations,
  messagingGroup,
  messagingLabels,
  subscriptionFinalizer,
} from "./labels.ts";
export { Channel, channelConditions, ChannelSpec, ChannelStatus, ChannelTemplateSpec } from "./channel.types.ts";
export {
  InMemoryChannel,
  inMemoryChannelConditions,
  InMemoryChannelSpec,
  InMemoryChannelStatus,
} from "./in-memory-channel.types.ts";
export {
  PhysicalSubscription,
  Subscription,
  subscriptionConditions,
  SubscriptionSpec,
  SubscriptionStatus,
} from "./subscription.types.ts";
