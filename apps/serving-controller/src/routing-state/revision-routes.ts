import { labels, Revision, type Configuration } from "@kelvin/api/serving/v1";
import type { Outcome } from "@kelvin/controller";
import type { Clock, KubeClient } from "@kelvin/kube";
import { generationOf } from "../configuration/latest-ready.ts";
import type { Reader } from "../reader.ts";
import { findClaims, isLatestOf, promisedRoute, targetKey, type RouteReader } from "./route-targets.ts";
import { patchMetadata } from "./patch-metadata.ts";
import { decideRoutes, makeRevisionPatch, parseRoutes } from "./routing-state.ts";

export interface RevisionRoutesDeps {
  readonly kube: KubeClient;
  readonly clock: Pick<Clock, "now">;
  readonly routes: RouteReader;
  readonly configurations: Pick<Reader<Configuration>, "get">;
}

/**
 * Makes a Revision name the Routes that send it traffic, and its routing state say whether there are any. The
 * PodAutoscaler's reachability follows from that, so it is lowered only once every activator serves without the Revision.
 */
export async function reconcileRevisionRoutes(
  revision: Revision,
  deps: RevisionRoutesDeps,
): Promise<Outcome | undefined> {
  const { namespace = "", name = "", labels: own = {} } = revision.metadata;
  const key = { namespace, name: own[labels.configuration] ?? "" };
  const configuration = deps.configurations.get(key);
  const isLatest = configuration !== undefined && isLatestOf(configuration, revision, generationOf(revision));
  const targets = [targetKey("Revision", { namespace, name }), ...(isLatest ? [targetKey("Configuration", key)] : [])];
  const current = parseRoutes(revision.metadata);
  const claims = findClaims(deps.routes, { namespace, targets, current });
  const routes = decideRoutes({ current, claims, promised: promisedRoute(configuration) });
  const patch = makeRevisionPatch(revision.metadata, routes, deps.clock.now());
  return patch === undefined ? undefined : patchMetadata(revision, { kind: Revision, patch, kube: deps.kube });
}
