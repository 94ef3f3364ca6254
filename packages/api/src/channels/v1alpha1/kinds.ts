// The kinds and keys of channels.knative.dev without validation and status rules: for services that only read objects, and whose
// start must not wait for what they call later.
export { busAnnotations, busChannelFinalizer, busSubscriptionFinalizer, channelsGroup } from "./labels.ts";
export { BusArgument, resolveArguments, undeclaredText, type ResolvedArguments } from "./arguments.ts";
export { targetUrl } from "./target.ts";
export {
  Bus,
  busConditions,
  BusContainer,
  BusParameter,
  BusParameters,
  BusSpec,
  BusStatus,
  ClusterBus,
} from "./bus.types.ts";
export { Channel, channelConditions, ChannelSpec, ChannelStatus } from "./channel.types.ts";
export { Subscription, subscriptionConditions, SubscriptionSpec, SubscriptionStatus } from "./subscription.types.ts";
