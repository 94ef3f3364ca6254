import { getCondition } from "../../meta/conditions.ts";
import { initializeStatus, propagateCondition } from "../../meta/status.ts";
import type { Configuration } from "./configuration.types.ts";
import { serviceReasons } from "./reasons.ts";
import type { Route } from "./route.types.ts";
import { Service, serviceConditions, type ServiceStatus } from "./service.types.ts";

const set = Service.conditions;

/** Adds the conditions that are absent and returns the status. */
export function initializeService(service: Service, now: Date): ServiceStatus {
  return initializeStatus(Service, service, now) as ServiceStatus;
}

/** The Configuration of this name belongs to somebody else. */
export function markConfigurationNotOwned(status: ServiceStatus, name: string, now: Date): void {
  const message = `There is an existing Configuration "${name}" that we do not own.`;
  set.markFalse(status, { type: serviceConditions.configurationsReady, reason: serviceReasons.notOwned, message }, now);
}

/** The Route of this name belongs to somebody else. */
export function markRouteNotOwned(status: ServiceStatus, name: string, now: Date): void {
  const message = `There is an existing Route "${name}" that we do not own.`;
  set.markFalse(status, { type: serviceConditions.routesReady, reason: serviceReasons.notOwned, message }, now);
}

/** The Configuration has not observed its latest generation, so what it reports is old. */
export function markConfigurationNotReconciled(status: ServiceStatus, now: Date): void {
  const message = "The Configuration is still working to reflect the latest desired specification.";
  set.markUnknown(
    status,
    { type: serviceConditions.configurationsReady, reason: serviceReasons.outOfDate, message },
    now,
  );
}

/** The Route has not observed its latest generation, so what it reports is old. */
export function markRouteNotReconciled(status: ServiceStatus, now: Date): void {
  const message = "The Route is still working to reflect the latest desired specification.";
  set.markUnknown(status, { type: serviceConditions.routesReady, reason: serviceReasons.outOfDate, message }, now);
}

/** The name that the template gives is that of a Revision with other content. */
export function markRevisionNameTaken(status: ServiceStatus, revisionName: string, now: Date): void {
  const message = `The revision name "${revisionName}" is taken by a conflicting Revision, so traffic will not be migrated`;
  set.markFalse(
    status,
    { type: serviceConditions.routesReady, reason: serviceReasons.revisionNameTaken, message },
    now,
  );
}

/** The Route is ready, but does not yet send its traffic where the spec says. */
export function markTrafficNotMigrated(status: ServiceStatus, now: Date): void {
  const message = "Traffic is not yet migrated to the latest revision.";
  set.markUnknown(
    status,
    { type: serviceConditions.routesReady, reason: serviceReasons.trafficNotMigrated, message },
    now,
  );
}

/** Repeats the Configuration's readiness and revision names. */
export function propagateConfiguration(status: ServiceStatus, configuration: Configuration, now: Date): void {
  copyOrDelete(status, configuration.status ?? {}, ["latestCreatedRevisionName", "latestReadyRevisionName"]);
  const ready = getCondition(configuration.status, "Ready");
  propagateCondition(set, status, { from: ready, to: serviceConditions.configurationsReady, now });
}

/** Repeats the Route's readiness, URLs and traffic. */
export function propagateRoute(status: ServiceStatus, route: Route, now: Date): void {
  copyOrDelete(status, route.status ?? {}, ["url", "address", "traffic"]);
  const ready = getCondition(route.status, "Ready");
  propagateCondition(set, status, { from: ready, to: serviceConditions.routesReady, now });
}

// Copies what the child has and forgets what it no longer has. Deep, because informer objects must not be shared into a status.
function copyOrDelete<K extends keyof ServiceStatus>(
  status: ServiceStatus,
  child: Pick<ServiceStatus, K>,
  fields: readonly K[],
): void {
  for (const field of fields) {
    if (child[field] === undefined) delete status[field];
    else status[field] = structuredClone(child[field]);
  }
}
