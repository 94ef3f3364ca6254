import { eventingDefinitionLabels, eventingRoleLabels } from "../../eventing/v1/labels.ts";

/** The API group of Channel, Subscription and InMemoryChannel. */
export const messagingGroup = "messaging.knative.dev";

/** Annotation keys. */
export const messagingAnnotations = {
  /** Which form of `spec.subscribers` a channel has: v1. */
  subscribable: "messaging.knative.dev/subscribable",
} as const;

/** Keeps a Subscription until its entry in the channel is gone. */
export const subscriptionFinalizer = "subscriptions.messaging.knative.dev";

/** Labels of the CustomResourceDefinitions of channels. */
export const channelDefinitionLabels = {
  ...eventingDefinitionLabels,
  "messaging.knative.dev/subscribable": "true",
  [eventingRoleLabels.addressable]: "true",
} as const;
