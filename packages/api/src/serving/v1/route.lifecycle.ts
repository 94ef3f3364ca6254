import { getCondition } from "../../meta/conditions.ts";
import { initializeStatus, propagateCondition } from "../../meta/status.ts";
import type { Ingress } from "../../networking/v1alpha1/ingress.types.ts";
import { routeReasons } from "./reasons.ts";
import { Route, routeConditions, type RouteStatus } from "./route.types.ts";

const set = Route.conditions;
const { allTrafficAssigned, ingressReady, certificateProvisioned } = routeConditions;

/** Message of TLSNotEnabled while the public hosts have no certificates. */
export const externalDomainTLSNotEnabledMessage = "external-domain-tls is not enabled";
/** Message of TLSNotEnabled for a Route that is cluster-local. */
export const clusterLocalTLSNotEnabledMessage = "TLS is not enabled for cluster-local";

/** Adds the conditions that are absent and returns the status. */
export function initializeRoute(route: Route, now: Date): RouteStatus {
  return initializeStatus(Route, route, now) as RouteStatus;
}

/** Every target is a Revision that can take traffic. */
export function markTrafficAssigned(status: RouteStatus, now: Date): void {
  set.markTrue(status, { type: allTrafficAssigned }, now);
}

/** A target's Configuration has no Revision that is ready, but may have one soon. */
export function markConfigurationNotReady(status: RouteStatus, name: string, now: Date): void {
  const message = `Configuration "${name}" is waiting for a Revision to become ready.`;
  set.markUnknown(status, { type: allTrafficAssigned, reason: routeReasons.revisionMissing, message }, now);
}

/** A target's Configuration failed before it had a Revision that is ready. */
export function markConfigurationFailed(status: RouteStatus, name: string, now: Date): void {
  const message = `Configuration "${name}" does not have any ready Revision.`;
  set.markFalse(status, { type: allTrafficAssigned, reason: routeReasons.revisionMissing, message }, now);
}

/** A target Revision is not ready yet. */
export function markRevisionNotReady(status: RouteStatus, name: string, now: Date): void {
  const message = `Revision "${name}" is not yet ready.`;
  set.markUnknown(status, { type: allTrafficAssigned, reason: routeReasons.revisionMissing, message }, now);
}

/** A target Revision failed. */
export function markRevisionFailed(status: RouteStatus, name: string, now: Date): void {
  const message = `Revision "${name}" failed to become ready.`;
  set.markFalse(status, { type: allTrafficAssigned, reason: routeReasons.revisionMissing, message }, now);
}

/** A target does not exist. */
export function markMissingTrafficTarget(
  status: RouteStatus,
  { kind, name }: { kind: "Configuration" | "Revision"; name: string },
  now: Date,
): void {
  const message = `${kind} "${name}" referenced in traffic not found.`;
  set.markFalse(status, { type: allTrafficAssigned, reason: `${kind}Missing`, message }, now);
}

/** A target Revision is of another Service than the one this Route belongs to; `actualServiceName` is absent when of none. */
export function markRevisionNotOwned(
  status: RouteStatus,
  target: { revisionName: string; serviceName: string; actualServiceName?: string },
  now: Date,
): void {
  const { revisionName, serviceName, actualServiceName = "" } = target;
  const message =
    actualServiceName === ""
      ? `Revision "${revisionName}" does not belong to Service "${serviceName}".`
      : `Revision "${revisionName}" belongs to Service "${actualServiceName}", not Service "${serviceName}".`;
  set.markFalse(status, { type: allTrafficAssigned, reason: routeReasons.revisionNotOwned, message }, now);
}

/** The host names cannot be made; `message` says why. No retry helps until the Route or the configuration changes. */
export function markDomainInvalid(status: RouteStatus, message: string, now: Date): void {
  set.markFalse(status, { type: allTrafficAssigned, reason: routeReasons.errorConfig, message }, now);
}

/** Traffic could not be worked out for a reason that may pass. */
export function markUnknownTrafficError(status: RouteStatus, message: string, now: Date): void {
  set.markUnknown(status, { type: allTrafficAssigned, reason: routeReasons.unknown, message }, now);
}

/** The data plane has said nothing yet. */
export function markIngressNotConfigured(status: RouteStatus, now: Date): void {
  const message = "Ingress has not yet been reconciled.";
  set.markUnknown(status, { type: ingressReady, reason: routeReasons.ingressNotConfigured, message }, now);
}

/** The placeholder Service's name is taken by a Service of somebody else. */
export function markServiceNotOwned(status: RouteStatus, name: string, now: Date): void {
  const message = `There is an existing placeholder Service "${name}" that we do not own.`;
  set.markFalse(status, { type: ingressReady, reason: routeReasons.notOwned, message }, now);
}

/** The placeholder Endpoints' name is taken by Endpoints of somebody else. */
export function markEndpointNotOwned(status: RouteStatus, name: string, now: Date): void {
  const message = `There is an existing placeholder Endpoint "${name}" that we do not own.`;
  set.markFalse(status, { type: ingressReady, reason: routeReasons.notOwned, message }, now);
}

/** Traffic moves to the latest revision step by step. */
export function markRolloutInProgress(status: RouteStatus, now: Date): void {
  const message = "A gradual rollout of the latest revision(s) is in progress.";
  set.markUnknown(status, { type: ingressReady, reason: routeReasons.rolloutInProgress, message }, now);
}

/** Repeats the Ingress's readiness. Without any, the Ingress counts as not configured. */
export function propagateIngress(status: RouteStatus, ingress: Ingress, now: Date): void {
  const ready = getCondition(ingress.status, "Ready");
  if (ready === undefined) markIngressNotConfigured(status, now);
  else propagateCondition(set, status, { from: ready, to: ingressReady, now });
}

/** No certificate is wanted; `message` says why. That is no failure. */
export function markTLSNotEnabled(status: RouteStatus, message: string, now: Date): void {
  set.markTrue(status, { type: certificateProvisioned, reason: routeReasons.tlsNotEnabled, message }, now);
}

/** The certificate is there. */
export function markCertificateReady(status: RouteStatus, now: Date): void {
  set.markTrue(status, { type: certificateProvisioned }, now);
}

/** The certificate is not there yet, and plain HTTP is served until it is. */
export function markHTTPDowngrade(status: RouteStatus, certificateName: string, now: Date): void {
  const message = `Certificate ${certificateName} is not ready downgrade HTTP.`;
  set.markTrue(status, { type: certificateProvisioned, reason: routeReasons.httpDowngrade, message }, now);
}

/** The certificate is being issued. */
export function markCertificateNotReady(status: RouteStatus, certificateName: string, now: Date): void {
  const message = `Certificate ${certificateName} is not ready.`;
  set.markUnknown(status, { type: certificateProvisioned, reason: routeReasons.certificateNotReady, message }, now);
}

/** The certificate could not be issued. */
export function markCertificateProvisionFailed(status: RouteStatus, certificateName: string, now: Date): void {
  const message = `Certificate ${certificateName} fails to be provisioned.`;
  const reason = routeReasons.certificateProvisionFailed;
  set.markFalse(status, { type: certificateProvisioned, reason, message }, now);
}

/** The certificate's name is taken by a Certificate of somebody else. */
export function markCertificateNotOwned(status: RouteStatus, certificateName: string, now: Date): void {
  const message = `There is an existing certificate ${certificateName} that we don't own.`;
  set.markFalse(status, { type: certificateProvisioned, reason: routeReasons.certificateNotOwned, message }, now);
}
