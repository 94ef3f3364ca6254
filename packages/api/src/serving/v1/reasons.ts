// Reasons of conditions in serving.knative.dev/v1. Users and clients compare them, so they are Knative's, to the letter.

/** Reasons of a Service's conditions. */
export const serviceReasons = {
  notOwned: "NotOwned",
  outOfDate: "OutOfDate",
  revisionNameTaken: "RevisionNameTaken",
  trafficNotMigrated: "TrafficNotMigrated",
} as const;

/** Reasons of a Configuration's conditions. */
export const configurationReasons = {
  revisionFailed: "RevisionFailed",
  /** The Build that it is annotated with has not ended. */
  waitingForBuild: "WaitingForBuild",
  /** That Build ended without an image. */
  buildFailed: "BuildFailed",
} as const;

/** Reasons of a Revision's conditions. A container that ends adds `ExitCode<N>`. */
export const revisionReasons = {
  containerMissing: "ContainerMissing",
  resolvingDigests: "ResolvingDigests",
  deploying: "Deploying",
  notOwned: "NotOwned",
  progressDeadlineExceeded: "ProgressDeadlineExceeded",
} as const;

/** Reasons of a Route's conditions. */
export const routeReasons = {
  revisionMissing: "RevisionMissing",
  revisionNotOwned: "RevisionNotOwned",
  /** The host names that follow from config-domain and the templates are not legal. */
  errorConfig: "ErrorConfig",
  unknown: "Unknown",
  ingressNotConfigured: "IngressNotConfigured",
  notOwned: "NotOwned",
  rolloutInProgress: "RolloutInProgress",
  tlsNotEnabled: "TLSNotEnabled",
  httpDowngrade: "HTTPDowngrade",
  certificateNotReady: "CertificateNotReady",
  certificateProvisionFailed: "CertificateProvisionFailed",
  certificateNotOwned: "CertificateNotOwned",
} as const;
