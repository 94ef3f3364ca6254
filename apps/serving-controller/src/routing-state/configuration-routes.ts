import { keyOf } from "@kelvin/api";
import { Configuration } from "@kelvin/api/serving/v1";
import type { KubeClient } from "@kelvin/kube";
import { findClaims, promisedRoute, targetKey, type RouteReader } from "./route-targets.ts";
import { decideRoutes, makeRoutesPatch, parseRoutes } from "./routing-state.ts";

export interface ConfigurationRoutesDeps {
  readonly kube: KubeClient;
  readonly routes: RouteReader;
}

/** Makes a Configuration name the Routes that send traffic to its latest Revision, so that a new one is born active. */
export async function reconcileConfigurationRoutes(
  configuration: Configuration,
  deps: ConfigurationRoutesDeps,
): Promise<void> {
  const { namespace = "", name = "" } = configuration.metadata;
  const current = parseRoutes(configuration.metadata);
  const targets = [targetKey("Configuration", { namespace, name })];
  const claims = findClaims(deps.routes, { namespace, targets, current });
  const routes = decideRoutes({ current, claims, promised: promisedRoute(configuration) });
  const patch = makeRoutesPatch(configuration.metadata, routes);
  if (patch === undefined) return;
  const patched = await deps.kube.patch(Configuration, keyOf(configuration), { type: "merge", body: patch });
  configuration.metadata = patched.metadata;
}
