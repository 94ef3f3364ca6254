import { readyCondition } from "../../meta/conditions.ts";
import { initializeStatus } from "../../meta/status.ts";
import { Ingress, ingressConditions, type IngressStatus, type LoadBalancerIngress } from "./ingress.types.ts";

const set = Ingress.conditions;

/** Reasons of an Ingress's conditions. */
export const ingressReasons = { notOwned: "NotOwned", uninitialized: "Uninitialized" } as const;

/** Adds the conditions that are absent and returns the status. */
export function initializeIngress(ingress: Ingress, now: Date): IngressStatus {
  return initializeStatus(Ingress, ingress, now) as IngressStatus;
}

/** The rules of this generation are where the data plane reads them. */
export function markNetworkConfigured(status: IngressStatus, now: Date): void {
  set.markTrue(status, { type: ingressConditions.networkConfigured }, now);
}

/** An object that the data plane needs has a name that is taken. */
export function markIngressResourceNotOwned(
  status: IngressStatus,
  { kind, name }: { kind: string; name: string },
  now: Date,
): void {
  const message = `There is an existing ${kind} "${name}" that we do not own.`;
  set.markFalse(status, { type: ingressConditions.networkConfigured, reason: ingressReasons.notOwned, message }, now);
}

/** Every data plane serves this generation, and can be reached in these ways. */
export function markLoadBalancerReady(
  status: IngressStatus,
  { publicIngress, privateIngress }: { publicIngress: LoadBalancerIngress[]; privateIngress: LoadBalancerIngress[] },
  now: Date,
): void {
  status.publicLoadBalancer = { ingress: publicIngress };
  status.privateLoadBalancer = { ingress: privateIngress };
  set.markTrue(status, { type: ingressConditions.loadBalancerReady }, now);
}

/** Not every data plane serves this generation yet. */
export function markLoadBalancerNotReady(status: IngressStatus, now: Date): void {
  const message = "Waiting for load balancer to be ready";
  const reason = ingressReasons.uninitialized;
  set.markUnknown(status, { type: ingressConditions.loadBalancerReady, reason, message }, now);
}

/** The data plane cannot serve the rules. */
export function markLoadBalancerFailed(
  status: IngressStatus,
  { reason, message }: { reason: string; message: string },
  now: Date,
): void {
  set.markFalse(status, { type: ingressConditions.loadBalancerReady, reason, message }, now);
}

/** Not ready, for a reason that is in none of the two conditions. */
export function markIngressNotReady(
  status: IngressStatus,
  { reason, message }: { reason: string; message: string },
  now: Date,
): void {
  set.markUnknown(status, { type: readyCondition, reason, message }, now);
}
