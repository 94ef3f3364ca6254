// Reasons of conditions in channels.knative.dev. v0.1's, where it had one; it left most failures to its log.

/** Reasons of a Bus's or a ClusterBus's conditions. */
export const busReasons = {
  serviceSynced: "ServiceSynced",
  serviceError: "ServiceError",
  deploymentSynced: "DeploymentSynced",
  deploymentError: "DeploymentError",
  /** A name that it needs belongs to somebody else. */
  resourceExists: "ErrResourceExists",
  /** With status True: it needs none. */
  noProvisioner: "NoProvisioner",
  /** Its Deployment is there, and no Pod of it is available. */
  podsUnavailable: "PodsUnavailable",
} as const;

/** Reasons of a Channel's conditions. */
export const busChannelReasons = {
  /** There is no bus of the name that it gives. */
  busNotFound: "BusNotFound",
  /** There is such a bus, and it does not run. */
  busNotReady: "BusNotReady",
  serviceSynced: "ServiceSynced",
  serviceError: "ServiceError",
  /** A name that it needs belongs to somebody else. */
  resourceExists: "ErrResourceExists",
  routed: "Routed",
  provisioned: "Provisioned",
  /** The bus has not taken this generation yet. */
  provisioning: "Provisioning",
  /** The bus says why it cannot. */
  provisionFailed: "ProvisionFailed",
  /** The bus declares parameters that have no default, and the Channel gives no value. */
  missingArguments: "MissingArguments",
} as const;

/** Reasons of a Subscription's conditions. */
export const busSubscriptionReasons = {
  synced: "Synced",
  syncError: "ErrResourceSync",
  channelNotFound: "ChannelNotFound",
  busNotFound: "BusNotFound",
  /** The Channel's bus does not run. */
  busNotReady: "BusNotReady",
  /** The bus has not taken this generation yet. */
  pending: "Pending",
  missingArguments: "MissingArguments",
} as const;
