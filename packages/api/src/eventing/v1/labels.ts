// Every label and annotation key of Knative Eventing that Kelvin reads or writes. Nowhere else are they spelled out.

/** The API group of Broker, Trigger and EventType. */
export const eventingGroup = "eventing.knative.dev";

/** Label keys. */
export const eventingLabels = {
  /** The Broker of a Trigger, for selectors. */
  broker: "eventing.knative.dev/broker",
} as const;

/** Annotation keys. */
export const eventingAnnotations = {
  /** Who serves a Broker. */
  brokerClass: "eventing.knative.dev/broker.class",
  /** Whether a Broker is made for a Trigger: enabled or disabled. */
  injection: "eventing.knative.dev/injection",
  /** Whether a channel is served for its namespace or for the cluster. */
  scope: "eventing.knative.dev/scope",
  /** An object, as JSON, that must be ready before a Trigger is. */
  dependency: "knative.dev/dependency",
} as const;

/** Labels of ClusterRoles that are aggregated into what may resolve addresses, and into what may subscribe to channels. */
export const eventingRoleLabels = {
  addressable: "duck.knative.dev/addressable",
  channelable: "duck.knative.dev/channelable",
} as const;

/** Labels of every CustomResourceDefinition of Eventing. */
export const eventingDefinitionLabels = {
  "knative.dev/crd-install": "true",
  "app.kubernetes.io/name": "knative-eventing",
} as const;

/** The namespace of Eventing's ConfigMaps. */
export const eventingNamespace = "knative-eventing";

/** The ServiceAccount under which controllers may write the subscribers of channels, unless another is configured. */
export const eventingControllerUser = "system:serviceaccount:knative-eventing:eventing-controller";
