import { getCondition, readyCondition } from "@kelvin/api";
import {
  initializeConfiguration,
  markLatestCreated,
  markLatestCreatedFailed,
  markLatestReady,
  markRevisionCreationFailed,
  type Configuration,
  type ConfigurationStatus,
  type Revision,
} from "@kelvin/api/serving/v1";
import { waitForEvent, type Outcome } from "@kelvin/controller";
import type { Clock } from "@kelvin/kube";
import type { ChildDeps } from "../owned-child.ts";
import type { Reader } from "../reader.ts";
import { reconcileConfigurationRoutes, type ConfigurationRoutesDeps } from "../routing-state/configuration-routes.ts";
import { findLatestReady } from "./latest-ready.ts";
import { ensureRevision } from "./revision.ts";
import { revisionName } from "./resources/names.ts";

export interface ConfigurationDeps extends ChildDeps, ConfigurationRoutesDeps {
  readonly clock: Pick<Clock, "now">;
  /** Has the index `configuration`. */
  readonly revisions: Reader<Revision>;
}

/**
 * Makes one Revision for each generation of a Configuration, and tells which is the latest and which the latest ready.
 * A failed latest Revision takes nothing away from the latest ready one.
 */
export async function reconcileConfiguration(configuration: Configuration, deps: ConfigurationDeps): Promise<Outcome> {
  const now = deps.clock.now();
  const status = initializeConfiguration(configuration, now);

  const ended = await reconcileConfigurationRoutes(configuration, deps);
  if (ended !== undefined) return ended;
  const created = await ensureRevision(configuration, deps);
  if (created === undefined) {
    const taken = `revisions.serving.knative.dev "${revisionName(configuration)}" already exists`;
    markRevisionCreationFailed(status, taken, now);
    return waitForEvent;
  }

  const createdName = created.metadata.name ?? "";
  const failureBefore = getCondition(status, readyCondition)?.message;
  const latestReady = findLatestReady(configuration, { created, revisions: deps.revisions });
  markLatestCreated(status, createdName, now);
  if (latestReady !== undefined)
    moveLatestReady(configuration, { status, name: latestReady.metadata.name ?? "" }, deps);

  const ready = getCondition(created.status, readyCondition);
  if (ready?.status !== "False") return waitForEvent;
  markLatestCreatedFailed(status, { revisionName: createdName, message: ready.message ?? "" }, now);
  if (getCondition(status, readyCondition)?.message !== failureBefore) {
    deps.recorder.warning(configuration, "LatestCreatedFailed", `Latest created revision "${createdName}" has failed`);
  }
  return waitForEvent;
}

function moveLatestReady(
  configuration: Configuration,
  { status, name }: { status: ConfigurationStatus; name: string },
  { recorder, clock }: ConfigurationDeps,
): void {
  const before = status.latestReadyRevisionName;
  markLatestReady(status, name, clock.now());
  if (before === name) return;
  if (before === undefined) recorder.normal(configuration, "ConfigurationReady", "Configuration becomes ready");
  recorder.normal(configuration, "LatestReadyUpdate", `LatestReadyRevisionName updated to "${name}"`);
}
