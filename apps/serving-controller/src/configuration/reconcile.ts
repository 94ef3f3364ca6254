import { getCondition, readyCondition } from "@kelvin/api";
import {
  initializeConfiguration,
  markBuildFailed,
  markLatestCreated,
  markLatestCreatedFailed,
  markLatestReady,
  markRevisionCreationFailed,
  markWaitingForBuild,
  type Configuration,
  type ConfigurationStatus,
  type Revision,
} from "@kelvin/api/serving/v1";
import { type ChildDeps, type Outcome, waitForEvent } from "@kelvin/controller";
import { keyText, type Clock } from "@kelvin/kube";
import type { Builds } from "../build-ref/builds.ts";
import { buildNameOf, resolveBuild, type BuildState } from "../build-ref/resolve-build.ts";
import type { Reader } from "../reader.ts";
import { reconcileConfigurationRoutes, type ConfigurationRoutesDeps } from "../routing-state/configuration-routes.ts";
import { findLatestReady } from "./latest-ready.ts";
import { ensureRevision } from "./revision.ts";
import { revisionName } from "./resources/names.ts";

export interface ConfigurationDeps extends ChildDeps, ConfigurationRoutesDeps {
  readonly clock: Pick<Clock, "now">;
  /** Has the index `configuration`. */
  readonly revisions: Reader<Revision>;
  readonly builds: Pick<Builds, "find">;
}

/**
 * Makes one Revision for each generation of a Configuration, and of each image that is built for it, and tells which is
 * the latest and which the latest ready. A failed latest Revision takes nothing away from the latest ready one, and
 * neither does a Build that has not ended or has failed.
 */
export async function reconcileConfiguration(configuration: Configuration, deps: ConfigurationDeps): Promise<Outcome> {
  const now = deps.clock.now();
  const status = initializeConfiguration(configuration, now);

  const ended = await reconcileConfigurationRoutes(configuration, deps);
  if (ended !== undefined) return ended;
  const built = findBuild(configuration, deps);
  if (built !== undefined && built.kind !== "built") {
    keepRevisions(configuration, deps);
    if (built.kind === "waiting") markWaitingForBuild(status, built.message, now);
    else markBuildFailed(status, built.message, now);
    return waitForEvent;
  }
  const created = await ensureRevision(configuration, built, deps);
  if (created === undefined) {
    const taken = `revisions.serving.knative.dev "${revisionName(configuration, built)}" already exists`;
    markRevisionCreationFailed(status, taken, now);
    return waitForEvent;
  }
  followRevision(configuration, created, deps);
  return waitForEvent;
}

function findBuild(configuration: Configuration, { builds, revisions }: ConfigurationDeps): BuildState | undefined {
  const build = buildNameOf(configuration);
  if (build === undefined) return undefined;
  const { namespace = "", name = "" } = configuration.metadata;
  return resolveBuild(configuration, {
    build: builds.find({ namespace, name: build }),
    revisions: revisions.byIndex("configuration", keyText({ namespace, name })),
  });
}

/** What was made before goes on to become ready, whatever the next one waits for. */
function keepRevisions(configuration: Configuration, deps: ConfigurationDeps): void {
  const name = configuration.status?.latestCreatedRevisionName ?? "";
  const last = deps.revisions.get({ namespace: configuration.metadata.namespace ?? "", name });
  if (last !== undefined) followRevision(configuration, last, deps);
}

/** Tells how the latest Revision stands. */
function followRevision(configuration: Configuration, created: Revision, deps: ConfigurationDeps): void {
  const now = deps.clock.now();
  const status = initializeConfiguration(configuration, now);
  const createdName = created.metadata.name ?? "";
  const failureBefore = getCondition(status, readyCondition)?.message;
  const latestReady = findLatestReady(configuration, { created, revisions: deps.revisions });
  markLatestCreated(status, createdName, now);
  if (latestReady !== undefined)
    moveLatestReady(configuration, { status, name: latestReady.metadata.name ?? "" }, deps);

  const ready = getCondition(created.status, readyCondition);
  if (ready?.status !== "False") return;
  markLatestCreatedFailed(status, { revisionName: createdName, message: ready.message ?? "" }, now);
  if (getCondition(status, readyCondition)?.message !== failureBefore) {
    deps.recorder.warning(configuration, "LatestCreatedFailed", `Latest created revision "${createdName}" has failed`);
  }
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
