import { isObserved } from "@kelvin/api";
import type { Ingress } from "@kelvin/api/networking/v1alpha1";
import type { ServingConfig } from "@kelvin/api/serving/config";
import {
  clusterLocalTLSNotEnabledMessage,
  externalDomainTLSNotEnabledMessage,
  initializeRoute,
  markDomainInvalid,
  markIngressNotConfigured,
  markTLSNotEnabled,
  markTrafficAssigned,
  propagateIngress,
  type Configuration,
  type Revision,
  type Route,
  type RouteStatus,
} from "@kelvin/api/serving/v1";
import { type ChildDeps, type Outcome, waitForEvent } from "@kelvin/controller";
import { toError, type Clock, type CoreService } from "@kelvin/kube";
import type { Reader } from "../reader.ts";
import { makeAddressUrl, type GroupHosts } from "./hosts.ts";
import { ensureIngress } from "./ingress.ts";
import { makeNameSettings } from "./name-settings.ts";
import { ensurePlaceholderServices, findHosts } from "./placeholder-service.ts";
import { defaultGroup, isFault, resolveTraffic, type Traffic } from "./traffic.ts";
import { markTrafficFault } from "./traffic-fault.ts";

export interface RouteDeps extends ChildDeps {
  readonly clock: Pick<Clock, "now">;
  readonly configurations: Reader<Configuration>;
  readonly revisions: Reader<Revision>;
  readonly ingresses: Reader<Ingress>;
  /** Has the index `route`. */
  readonly services: Reader<CoreService>;
  readonly settings: Pick<ServingConfig, "domain" | "network">;
  /** Where in-cluster names lead before the data plane has said so itself. */
  readonly gatewayHost: string;
}

/**
 * Drives one Route to its spec: one Ingress with its rules, and one placeholder Service for each of its names.
 * While a target cannot take traffic, everything stays as it is: the Ingress goes on serving what it last named.
 *
 * @throws NotOwnedError when a child's name belongs to someone else.
 */
export async function reconcileRoute(route: Route, deps: RouteDeps): Promise<Outcome> {
  const now = deps.clock.now();
  const status = initializeRoute(route, now);
  const { namespace = "" } = route.metadata;
  const names = makeNameSettings(deps.settings);

  const traffic = resolveTraffic(route, {
    findConfiguration: (name) => deps.configurations.get({ namespace, name }),
    findRevision: (name) => deps.revisions.get({ namespace, name }),
  });
  let hosts: GroupHosts[];
  try {
    hosts = findHosts(route, { names, tags: isFault(traffic) ? [defaultGroup] : [...traffic.groups.keys()] }, deps);
  } catch (error) {
    markDomainInvalid(status, toError(error).message, now);
    return waitForEvent;
  }
  const own = hosts.find(({ tag }) => tag === defaultGroup);
  if (own !== undefined) status.url = own.url;
  if (isFault(traffic)) {
    markTrafficFault(status, traffic, now);
    return waitForEvent;
  }
  status.address = { url: makeAddressUrl(route, names) };
  status.traffic = makeStatusTraffic(traffic, hosts);
  markTrafficAssigned(status, now);

  await ensurePlaceholderServices(route, hosts, deps);
  markTLSNotEnabled(status, tlsMessage(own), now);
  const ingress = await ensureIngress(
    route,
    { traffic, hosts, ingressClass: deps.settings.network.ingressClass },
    deps,
  );
  if (isObserved(ingress)) propagateIngress(status, ingress, now);
  else markIngressNotConfigured(status, now);
  return waitForEvent;
}

function makeStatusTraffic(traffic: Traffic, hosts: readonly GroupHosts[]): NonNullable<RouteStatus["traffic"]> {
  return traffic.targets.map(({ revisionName, percent, latestRevision, tag }) => {
    const url = hosts.find((group) => group.tag === tag)?.url;
    const named = tag === undefined || url === undefined ? {} : { tag, url };
    return { revisionName, percent, latestRevision, ...named };
  });
}

function tlsMessage(own: GroupHosts | undefined): string {
  return own?.publicHost === undefined ? clusterLocalTLSNotEnabledMessage : externalDomainTLSNotEnabledMessage;
}
