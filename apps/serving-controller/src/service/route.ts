import { keyOf } from "@kelvin/api";
import { initializeService, markRouteNotOwned, Route, type Service } from "@kelvin/api/serving/v1";
import { defaulted, ensureChild, mergeExactly } from "@kelvin/controller";
import type { ServiceDeps } from "./reconcile.ts";
import { makeRoute } from "./resources/route.ts";

/** Makes the Route exist and match. Refuses, rather than adopts, one that is not ours. */
export async function ensureRoute(service: Service, deps: ServiceDeps): Promise<Route> {
  const desired = makeRoute(service);
  return ensureChild(
    {
      kind: Route,
      owner: service,
      desired,
      existing: deps.routes.get(keyOf(desired)),
      merge: (existing) => mergeExactly(defaulted(existing, deps.defaulting.route), desired),
      markNotOwned: (existing) => {
        const now = deps.clock.now();
        markRouteNotOwned(initializeService(service, now), existing.metadata.name ?? "", now);
      },
    },
    deps,
  );
}
