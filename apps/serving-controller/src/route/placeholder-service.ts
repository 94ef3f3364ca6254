import { isControlledBy, keyOf } from "@kelvin/api";
import {
  initializeRoute,
  labels,
  markServiceNotOwned,
  visibilityClusterLocal,
  type Route,
} from "@kelvin/api/serving/v1";
import { ensureChild, mergeKeepingForeign } from "@kelvin/controller";
import { CoreService, keyText } from "@kelvin/kube";
import { makeGroupHosts, type GroupHosts, type NameSettings } from "./hosts.ts";
import type { RouteDeps } from "./reconcile.ts";
import { makePlaceholderService } from "./resources/placeholder-service.ts";

export interface HostsQuestion {
  readonly names: NameSettings;
  readonly tags: readonly string[];
}

/** The names of each traffic group. A user may label a tag's placeholder Service to keep that tag inside the cluster. */
export function findHosts(route: Route, { names, tags }: HostsQuestion, deps: RouteDeps): GroupHosts[] {
  const localServices = listOwn(route, deps).filter(
    ({ metadata }) => metadata.labels?.[labels.visibility] === visibilityClusterLocal,
  );
  const localTags = new Set(localServices.map(({ metadata }) => metadata.labels?.[labels.tag] ?? ""));
  return tags.map((tag) => makeGroupHosts(route, tag, { settings: names, localTags }));
}

/** Makes one placeholder Service for each name, and removes those of names that are gone. */
export async function ensurePlaceholderServices(
  route: Route,
  hosts: readonly GroupHosts[],
  deps: RouteDeps,
): Promise<void> {
  for (const group of hosts) await ensureOne(route, group, deps);
  const wanted = new Set(hosts.map(({ serviceName }) => serviceName));
  for (const service of listOwn(route, deps)) {
    if (wanted.has(service.metadata.name ?? "")) continue;
    const { uid } = service.metadata;
    await deps.kube.delete(CoreService, keyOf(service), uid === undefined ? {} : { preconditions: { uid } });
  }
}

async function ensureOne(route: Route, group: GroupHosts, deps: RouteDeps): Promise<void> {
  const desired = makePlaceholderService(route, group, deps.gatewayHost);
  await ensureChild(
    {
      kind: CoreService,
      owner: route,
      desired,
      existing: deps.services.get(keyOf(desired)),
      merge: (existing) => mergeKeepingForeign(existing, withServerFields(desired, existing)),
      markNotOwned: ({ metadata: { name = "" } }) => {
        const now = deps.clock.now();
        markServiceNotOwned(initializeRoute(route, now), name, now);
      },
      announcedAs: "placeholder service",
    },
    deps,
  );
}

/** What the API server fills into a Service that we leave to it. */
function withServerFields(desired: CoreService, existing: CoreService): CoreService {
  return { ...desired, spec: { ...existing.spec, ...desired.spec } } as CoreService;
}

function listOwn(route: Route, { services }: RouteDeps): CoreService[] {
  const { namespace = "", name = "" } = route.metadata;
  return services.byIndex("route", keyText({ namespace, name })).filter((service) => isControlledBy(service, route));
}
