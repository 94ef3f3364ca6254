import { Configuration } from "@kelvin/api/serving/v1";
import type { Outcome } from "@kelvin/controller";
import type { KubeClient } from "@kelvin/kube";
import { patchMetadata } from "./patch-metadata.ts";
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
): Promise<Outcome | undefined> {
  const { namespace = "", name = "" } = configuration.metadata;
  const current = parseRoutes(configuration.metadata);
  const targets = [targetKey("Configuration", { namespace, name })];
  const claims = findClaims(deps.routes, { namespace, targets, current });
  const routes = decideRoutes({ current, claims, promised: promisedRoute(configuration) });
  const patch = makeRoutesPatch(configuration.metadata, routes);
  return patch === undefined
    ? undefined
    : patchMetadata(configuration, { kind: Configuration, patch, kube: deps.kube });
}
