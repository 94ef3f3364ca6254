// Every label and annotation key of Knative Serving that Kelvin reads or writes. Nowhere else are they spelled out.

/** The API group of Serving's kinds. */
export const servingGroup = "serving.knative.dev";

/** Label keys. */
export const labels = {
  configuration: "serving.knative.dev/configuration",
  configurationGeneration: "serving.knative.dev/configurationGeneration",
  configurationUID: "serving.knative.dev/configurationUID",
  service: "serving.knative.dev/service",
  serviceUID: "serving.knative.dev/serviceUID",
  revision: "serving.knative.dev/revision",
  revisionUID: "serving.knative.dev/revisionUID",
  route: "serving.knative.dev/route",
  routeNamespace: "serving.knative.dev/routeNamespace",
  /** `pending`, `active` or `reserve`. */
  routingState: "serving.knative.dev/routingState",
  domainMappingUID: "serving.knative.dev/domainMappingUID",
  domainMappingNamespace: "serving.knative.dev/domainMappingNamespace",
  /** On Deployments: the hash of the rendered pod spec. */
  deploymentHash: "serving.knative.dev/deployment-hash",
  /** `cluster-local` keeps a Route off the public gateway. */
  visibility: "networking.knative.dev/visibility",
  wildcardDomain: "networking.knative.dev/wildcardDomain",
  certificateType: "networking.knative.dev/certificate-type",
  /** On placeholder Services: the traffic tag they stand for. */
  tag: "networking.internal.knative.dev/tag",
  /** On pods: the revision's name, unless the user set it. */
  app: "app",
} as const;

/** Value of `labels.visibility` that keeps a Route inside the cluster. */
export const visibilityClusterLocal = "cluster-local";

/** Values of `labels.routingState`. */
export const routingStates = { pending: "pending", active: "active", reserve: "reserve" } as const;

/** Annotation keys. */
export const annotations = {
  /** The Routes that send traffic to a Configuration or Revision: names, comma separated, sorted. */
  routes: "serving.knative.dev/routes",
  /** When `labels.routingState` last changed, RFC 3339. */
  routingStateModified: "serving.knative.dev/routingStateModified",
  lastPinned: "serving.knative.dev/lastPinned",
  /** `true` keeps a Revision from garbage collection. */
  noGC: "serving.knative.dev/no-gc",
  creator: "serving.knative.dev/creator",
  lastModifier: "serving.knative.dev/lastModifier",
  rolloutDuration: "serving.knative.dev/rollout-duration",
  rolloutDurationAlternative: "serving.knative.dev/rolloutDuration",
  progressDeadline: "serving.knative.dev/progress-deadline",
  queueResourcePercentage: "queue.sidecar.serving.knative.dev/resource-percentage",
  queueResourcePercentageAlternative: "queue.sidecar.serving.knative.dev/resourcePercentage",
  queueCpuRequest: "queue.sidecar.serving.knative.dev/cpu-resource-request",
  queueCpuLimit: "queue.sidecar.serving.knative.dev/cpu-resource-limit",
  queueMemoryRequest: "queue.sidecar.serving.knative.dev/memory-resource-request",
  queueMemoryLimit: "queue.sidecar.serving.knative.dev/memory-resource-limit",
  queueEphemeralStorageRequest: "queue.sidecar.serving.knative.dev/ephemeral-storage-resource-request",
  queueEphemeralStorageLimit: "queue.sidecar.serving.knative.dev/ephemeral-storage-resource-limit",
  queuePodInfo: "features.knative.dev/queueproxy-podinfo",
  httpFullDuplex: "features.knative.dev/http-full-duplex",
  ingressClass: "networking.knative.dev/ingress.class",
  certificateClass: "networking.knative.dev/certificate.class",
  disableExternalDomainTLS: "networking.knative.dev/disable-external-domain-tls",
  httpProtocol: "networking.knative.dev/http-protocol",
  /** On Ingresses: the state of a gradual rollout, as JSON. */
  rollout: "networking.internal.knative.dev/rollout",
  tagToHost: "networking.internal.knative.dev/tag-to-host",
  /** On a Service or Configuration: the Build whose image its Revisions run, a name in the same namespace. */
  buildRef: "build.knative.dev/buildRef",
  /** Beside `buildRef`: the container that runs the built image. Default: the first. */
  buildContainer: "build.knative.dev/buildContainer",
  /** On Revisions: the image of `buildRef` that they were made with, by digest. */
  builtImage: "build.knative.dev/image",
  /** What kubectl apply remembers; never copied to children. */
  lastApplied: "kubectl.kubernetes.io/last-applied-configuration",
  defaultContainer: "kubectl.kubernetes.io/default-container",
} as const;

/** Name of the one container that serves, when the user gave none and config-defaults says nothing else. */
export const userContainerName = "user-container";
/** Name of the port of that container in the pods. */
export const userPortName = "user-port";
/** The port an application listens on unless its container declares one. */
export const userPortDefault = 8080;

/** Names of the headers by which a split, or a gateway in front, names the revision. */
export const routingHeaders = {
  revision: "Knative-Serving-Revision",
  namespace: "Knative-Serving-Namespace",
  tag: "Knative-Serving-Tag",
  defaultRoute: "Knative-Serving-Default-Route",
} as const;
