/** The API group of Bus, ClusterBus and the Channel and Subscription that belong to them. */
export const channelsGroup = "channels.knative.dev";

/** Annotation keys. */
export const busAnnotations = {
  /** Which bus of Kelvin's runs in place of the dispatcher's image: stub, nats, kafka or gcppubsub. */
  bus: "kelvin.dev/bus",
  /** Goes to the bus's Pods as it is, so that a change starts them anew: settings of the bus that it names. */
  settings: "kelvin.dev/bus-settings",
} as const;

/** Keeps a Channel until its bus has let go of it. */
export const busChannelFinalizer = "channels.channels.knative.dev";

/** Keeps a Subscription until its bus has let go of it. */
export const busSubscriptionFinalizer = "subscriptions.channels.knative.dev";
