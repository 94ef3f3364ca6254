import { keyOf } from "@kelvin/api";
import { Ingress } from "@kelvin/api/networking/v1alpha1";
import type { Route } from "@kelvin/api/serving/v1";
import { ensureChild, mergeExactly } from "@kelvin/controller";
import type { RouteDeps } from "./reconcile.ts";
import { makeIngress, type IngressPlan } from "./resources/ingress.ts";

/** Makes the Ingress exist and match; the data plane follows it. */
export async function ensureIngress(route: Route, plan: IngressPlan, deps: RouteDeps): Promise<Ingress> {
  const desired = makeIngress(route, plan);
  return ensureChild(
    {
      kind: Ingress,
      owner: route,
      desired,
      existing: deps.ingresses.get(keyOf(desired)),
      merge: (existing) => mergeExactly(existing, desired),
      markNotOwned: () => undefined,
    },
    deps,
  );
}
