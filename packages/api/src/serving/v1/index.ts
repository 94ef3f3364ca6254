export {
  annotations,
  labels,
  routingHeaders,
  routingStates,
  servingGroup,
  userContainerName,
  userPortDefault,
  userPortName,
  visibilityClusterLocal,
} from "./labels.ts";
export { configurationReasons, revisionReasons, routeReasons, serviceReasons } from "./reasons.ts";
export type { AdmissionConfig, AdmissionContext, UserInfo } from "./context.ts";

export { Service, serviceConditions, ServiceSpec, ServiceStatus } from "./service.types.ts";
export { defaultService } from "./service.defaults.ts";
export { validateService } from "./service.validation.ts";
export {
  initializeService,
  markConfigurationNotOwned,
  markConfigurationNotReconciled,
  markRevisionNameTaken,
  markRouteNotOwned,
  markRouteNotReconciled,
  markTrafficNotMigrated,
  propagateConfiguration,
  propagateRoute,
} from "./service.lifecycle.ts";

export { Configuration, ConfigurationSpec, ConfigurationStatus } from "./configuration.types.ts";
export { defaultConfiguration } from "./configuration.defaults.ts";
export { validateConfiguration } from "./configuration.validation.ts";
export {
  initializeConfiguration,
  markBuildFailed,
  markLatestCreated,
  markLatestCreatedFailed,
  markLatestReady,
  markRevisionCreationFailed,
  markWaitingForBuild,
} from "./configuration.lifecycle.ts";

export {
  ContainerStatus,
  Revision,
  revisionConditions,
  RevisionSpec,
  RevisionStatus,
  RevisionTemplate,
} from "./revision.types.ts";
export {
  Container,
  ContainerPort,
  EnvFromSource,
  EnvVar,
  Probe,
  ResourceRequirements,
  SecurityContext,
  VolumeMount,
} from "./container.types.ts";
export { Volume, VolumeProjection } from "./volume.types.ts";
export type { PodSecurityContext, PodSpec } from "./pod-spec.types.ts";
export { defaultRevision } from "./revision.defaults.ts";
export { validateRevision } from "./revision.validation.ts";
export {
  initializeRevision,
  markContainerExiting,
  markContainerHealthy,
  markContainerHealthyUnknown,
  markContainerMissing,
  markContainerUnhealthy,
  markDeploying,
  markResolvingDigests,
  markResourcesAvailable,
  markResourcesAvailableUnknown,
  markResourcesUnavailable,
  markRevisionActive,
  markRevisionActiveUnknown,
  markRevisionInactive,
  markRevisionResourceNotOwned,
  propagateDeployment,
  propagatePodAutoscaler,
  type Cause,
  type DeploymentProgress,
} from "./revision.lifecycle.ts";

export { Address, Route, routeConditions, RouteSpec, RouteStatus, TrafficTarget } from "./route.types.ts";
export { defaultRoute } from "./route.defaults.ts";
export { validateRoute } from "./route.validation.ts";
export {
  clusterLocalTLSNotEnabledMessage,
  externalDomainTLSNotEnabledMessage,
  initializeRoute,
  markCertificateNotOwned,
  markCertificateNotReady,
  markCertificateProvisionFailed,
  markCertificateReady,
  markConfigurationFailed,
  markConfigurationNotReady,
  markDomainInvalid,
  markEndpointNotOwned,
  markHTTPDowngrade,
  markIngressNotConfigured,
  markMissingTrafficTarget,
  markRevisionFailed,
  markRevisionNotOwned,
  markRevisionNotReady,
  markRolloutInProgress,
  markServiceNotOwned,
  markTLSNotEnabled,
  markTrafficAssigned,
  markUnknownTrafficError,
  propagateIngress,
} from "./route.lifecycle.ts";

export { defaultRegistry, parseImageReference, type ImageReference } from "./image-reference.ts";
