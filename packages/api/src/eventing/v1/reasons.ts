// Reasons of conditions in eventing.knative.dev and messaging.knative.dev. Users and clients compare them, so they are Knative's,
// except that all are one word.

/** Reasons that conditions of several kinds have. */
export const commonReasons = {
  /** With status True. */
  deadLetterSinkNotConfigured: "DeadLetterSinkNotConfigured",
  deadLetterSinkResolveFailed: "DeadLetterSinkResolveFailed",
  /** With status True: EventPolicies need authentication, which is off. */
  oidcDisabled: "OIDCDisabled",
  /** There is no address. */
  emptyHostname: "EmptyHostname",
} as const;

/** Reasons of a Broker's conditions. */
export const brokerReasons = {
  ...commonReasons,
  /** No bus serves the Broker's class. */
  busNotFound: "BusNotFound",
  ingressFailed: "ServiceFailure",
  channelTemplateFailed: "ChannelTemplateFailed",
  missingBrokerChannel: "MissingBrokerChannel",
  channelFailure: "ChannelFailure",
} as const;

/** Reasons of a Trigger's conditions. */
export const triggerReasons = {
  ...commonReasons,
  brokerDoesNotExist: "BrokerDoesNotExist",
  failedToGetBroker: "FailedToGetBroker",
  brokerNotConfigured: "BrokerNotConfigured",
  subscriptionNotConfigured: "SubscriptionNotConfigured",
  notSubscribed: "NotSubscribed",
  subscriberResolveFailed: "SubscriberResolveFailed",
  filterInvalid: "FilterInvalid",
  dependencyDoesNotExist: "DependencyDoesNotExist",
  dependencyNotConfigured: "DependencyNotConfigured",
  generationNotEqual: "GenerationNotEqual",
} as const;

/** Reasons of an EventType's conditions. */
export const eventTypeReasons = {
  referenceDoesNotExist: "ReferenceDoesNotExist",
  referenceNotSet: "ReferenceNotSet",
} as const;

/** Reasons of a Channel's conditions. */
export const channelReasons = {
  ...commonReasons,
  busNotFound: "BusNotFound",
  backingChannelNotConfigured: "BackingChannelNotConfigured",
  channelFailure: "ChannelFailure",
} as const;

/** Reasons of a Subscription's conditions. */
export const subscriptionReasons = {
  channelReferenceFailed: "ChannelReferenceFailed",
  subscriberResolveFailed: "SubscriberResolveFailed",
  replyResolveFailed: "ReplyResolveFailed",
  deadLetterSinkResolveFailed: "DeadLetterSinkResolveFailed",
  notMarkedReadyByChannel: "SubscriptionNotMarkedReadyByChannel",
  physicalChannelSyncFailed: "PhysicalChannelSyncFailed",
} as const;

/** Reasons of an InMemoryChannel's conditions. */
export const inMemoryChannelReasons = {
  ...commonReasons,
  /** The bus in memory is not there. */
  busNotFound: "BusNotFound",
  dispatcherFailed: "DispatcherDeploymentFalse",
  dispatcherUnknown: "DispatcherDeploymentUnknown",
  channelServiceFailed: "ChannelServiceFailed",
} as const;
