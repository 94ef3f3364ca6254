import { eventingDefinitionLabels, eventingRoleLabels } from "../../eventing/v1/labels.ts";

/** The API group of Channel, Subscription and InMemoryChannel. */
export const messagingGroup = "messaging.knative.dev";

/** Annotation keys. */
export const messagingAnnotations = {
  /** Which form of `spec.subscribers` a channel has: v1. */
  subscribable: "messaging.knative.dev/subscribable",
} as const;

/** Label keys. */
export const messagingLabels = {
  /** Of the Service of a channel: which kind of channel it is the name of, such as in-memory-channel. */
  role: "messaging.knative.dev/role",
} as const;

/** Keeps a Subscription until no bus holds events for it. */
export const subscriptionFinalizer = "subscriptions.messaging.knative.dev";

/** Keeps a Channel that a bus serves in place until that bus has let go of it. */
export const channelFinalizer = "channels.messaging.knative.dev";

/** Keeps an InMemoryChannel until its bus has let go of it. */
export const inMemoryChannelFinalizer = "inmemorychannels.messaging.knative.dev";

/** Labels of the CustomResourceDefinitions of channels. */
export const channelDefinitionLabels = {
  ...eventingDefinitionLabels,
  "messaging.knative.dev/subscribable": "true",
  [eventingRoleLabels.addressable]: "true",
} as const;
