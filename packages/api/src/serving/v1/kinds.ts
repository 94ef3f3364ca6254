// Serving's kinds and keys without defaults, validation and status rules: for services that only read objects and whose
// start must not wait for what they never call.
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
export { Configuration, ConfigurationSpec, ConfigurationStatus } from "./configuration.types.ts";
export { Revision, revisionConditions, RevisionSpec, RevisionStatus } from "./revision.types.ts";
export { Route, routeConditions, RouteSpec, RouteStatus, TrafficTarget } from "./route.types.ts";
export { Service, serviceConditions, ServiceSpec, ServiceStatus } from "./service.types.ts";
export { Container, ContainerPort, Probe } from "./container.types.ts";
