import { isObserved } from "@kelvin/api";
import {
  initializeService,
  markConfigurationNotReconciled,
  markRevisionNameTaken,
  markRouteNotReconciled,
  markTrafficNotMigrated,
  propagateConfiguration,
  propagateRoute,
  type Configuration,
  type Revision,
  type Route,
  type Service,
} from "@kelvin/api/serving/v1";
import { type ChildDeps, type Outcome, waitForEvent } from "@kelvin/controller";
import type { Clock } from "@kelvin/kube";
import { checkRevisionName } from "../configuration/revision-name.ts";
import type { Reader } from "../reader.ts";
import { ensureConfiguration } from "./configuration.ts";
import { ensureRoute } from "./route.ts";
import { isTrafficMigrated } from "./traffic-migrated.ts";

export interface ServiceDeps extends ChildDeps {
  /** Fills in what is absent, in place, as admission does now. */
  readonly defaulting: {
    readonly configuration: (configuration: Configuration) => void;
    readonly route: (route: Route) => void;
  };
  readonly clock: Pick<Clock, "now">;
  readonly configurations: Reader<Configuration>;
  readonly routes: Reader<Route>;
  readonly revisions: Reader<Revision>;
}

/**
 * Drives one Service to its spec: one Configuration and one Route, both owned by it; its status repeats theirs.
 * Level-based and idempotent: correct after missed events, stale reads, or a crash between any two lines.
 *
 * @throws NotOwnedError when a same-named child belongs to someone else.
 */
export async function reconcileService(service: Service, deps: ServiceDeps): Promise<Outcome> {
  const now = deps.clock.now();
  const status = initializeService(service, now);

  const configuration = await ensureConfiguration(service, deps);
  const revisionName = configuration.spec.template?.metadata?.name ?? "";
  if (isObserved(configuration)) {
    propagateConfiguration(status, configuration, now);
  } else {
    markConfigurationNotReconciled(status, now);
    // A Route must not name a Revision that the Configuration has yet to make.
    if (revisionName !== "") return waitForEvent;
  }
  if (checkRevisionName(configuration, deps.revisions) === "taken") {
    markRevisionNameTaken(status, revisionName, now);
    return waitForEvent;
  }

  const route = await ensureRoute(service, deps);
  if (!isObserved(route)) {
    markRouteNotReconciled(status, now);
    return waitForEvent;
  }
  propagateRoute(status, route, now);
  if (!isTrafficMigrated(route, configuration)) markTrafficNotMigrated(status, now);
  return waitForEvent;
}
