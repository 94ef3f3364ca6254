export { busAnnotations, busChannelFinalizer, busSubscriptionFinalizer, channelsGroup } from "./labels.ts";
export { busChannelReasons, busReasons, busSubscriptionReasons } from "./reasons.ts";
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
export { ownBuses, validateBus, validateClusterBus } from "./bus.validation.ts";
export * as busStatus from "./bus.lifecycle.ts";

export { Channel, channelConditions, ChannelSpec, ChannelStatus } from "./channel.types.ts";
export { validateChannel } from "./channel.validation.ts";
export * as channelStatus from "./channel.lifecycle.ts";

export { Subscription, subscriptionConditions, SubscriptionSpec, SubscriptionStatus } from "./subscription.types.ts";
export { validateSubscription } from "./subscription.validation.ts";
export * as subscriptionStatus from "./subscription.lifecycle.ts";
