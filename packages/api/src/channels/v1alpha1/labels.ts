/** The API group of Bus, ClusterBus and the Channel and Subscription that belong to them. */
export const channelsGroup = "channels.knative.dev";

/** Annotation keys. */
export const busAnnotations = {
  /** Which bus of Kelvin's runs in place of the dispatcher's image: stub, nats, kafka or gcppubsub. */
  bus: "kelvin.dev/bus",
} as const;

/** Labels of what is made for a bus, as v0.1 has them. */
export const busLabels = { bus: "bus", busNamespace: "busNamespace", role: "role" } as const;

/** Keeps a Bus or a ClusterBus until what was made for it is gone. */
export const busFinalizer = "buses.channels.knative.dev";

/** Keeps a Channel until its bus has let go of it. */
export const busChannelFinalizer = "channels.channels.knative.dev";

/** Keeps a Subscription until its bus has let go of it. */
export const busSubscriptionFinalizer = "subscriptions.channels.knative.dev";
