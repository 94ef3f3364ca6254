import { isConditionTrue, keyOf } from "@kelvin/api";
import {
  initializeRevision,
  labels,
  markContainerExiting,
  markDeploying,
  markContainerHealthy,
  markResourcesUnavailable,
  markRevisionResourceNotOwned,
  propagateDeployment,
  type Revision,
} from "@kelvin/api/serving/v1";
import { ensureChild, type Outcome } from "@kelvin/controller";
import { deepCopy, Deployment, keyText } from "@kelvin/kube";
import { findPodFailure, type PodFailure } from "./pod-failure.ts";
import type { RevisionDeps } from "./reconcile.ts";
import { makeDeployment } from "./resources/deployment.ts";
import { podAutoscalerName } from "./resources/names.ts";
import { decideDeploymentSettings } from "./settings.ts";

/** Makes the Deployment exist and match, and tells from it and its pods whether the Revision's containers run. */
export async function reconcileDeployment(revision: Revision, deps: RevisionDeps): Promise<Outcome | undefined> {
  const now = deps.clock.now();
  const status = initializeRevision(revision, now);
  const desired = makeDeployment(revision, decideDeploymentSettings(revision, deps.settings));
  const known = deps.deployments.get(keyOf(desired));
  const deployment = await ensureChild(
    {
      kind: Deployment,
      owner: revision,
      desired,
      existing: known,
      merge: (existing) => mergeDeployment(existing, desired),
      markNotOwned: ({ metadata: { name = "" } }) =>
        markRevisionResourceNotOwned(status, { kind: Deployment.kind, name }, now),
      announcedAs: undefined,
    },
    deps,
  );
  if (known === undefined) {
    markDeploying(status, now);
    return undefined;
  }
  propagateDeployment(status, deployment.status, now);
  const failure = isStarting(revision, deps) ? findFailure(revision, { deployment, deps }) : undefined;
  if (failure !== undefined) markPodFailure(status, failure, now);
  else if ((deployment.status?.readyReplicas ?? 0) > 0) markContainerHealthy(status, now);
  return undefined;
}

/** Whether the Deployment was given up on: its pods did not become available within the progress deadline. */
export function hasTimedOut(deployment: Deployment | undefined): boolean {
  const progressing = deployment?.status?.conditions?.find(({ type }) => type === "Progressing");
  return progressing?.status === "False" && progressing.reason === "ProgressDeadlineExceeded";
}

/** Replicas are the autoscaler's, and labels and annotations may be other people's: both stay. */
function mergeDeployment(existing: Deployment, desired: Deployment): Deployment | undefined {
  const hash = labels.deploymentHash;
  if (existing.metadata.labels?.[hash] === desired.metadata.labels?.[hash]) return undefined;
  const copy = deepCopy(existing);
  return {
    ...copy,
    metadata: {
      ...copy.metadata,
      labels: { ...copy.metadata.labels, ...desired.metadata.labels },
      annotations: { ...copy.metadata.annotations, ...desired.metadata.annotations },
    },
    // The selector cannot be changed, and it names the Revision's uid, so it never has to be.
    spec: { ...desired.spec, selector: copy.spec?.selector ?? desired.spec?.selector, replicas: copy.spec?.replicas },
  } as Deployment;
}

/**
 * Whether the Revision has yet to run for the first time. Afterwards a crashed or unschedulable pod is a matter of
 * capacity, not of the Revision: it must not take a Service down that other pods, or the next start, can serve.
 */
function isStarting(revision: Revision, { podAutoscalers }: RevisionDeps): boolean {
  const { namespace = "" } = revision.metadata;
  const podAutoscaler = podAutoscalers.get({ namespace, name: podAutoscalerName(revision) });
  return !isConditionTrue(podAutoscaler?.status, "ScaleTargetInitialized");
}

function findFailure(
  revision: Revision,
  { deployment, deps }: { deployment: Deployment; deps: RevisionDeps },
): PodFailure | undefined {
  if ((deployment.spec?.replicas ?? 0) === 0 || (deployment.status?.availableReplicas ?? 0) > 0) return undefined;
  const { namespace = "", name = "" } = revision.metadata;
  const pods = deps.pods.byIndex("revision", keyText({ namespace, name }));
  const isAlwaysSchedulable = deps.settings.deployment.podIsAlwaysSchedulable;
  return findPodFailure(pods, { hasTimedOut: hasTimedOut(deployment), isAlwaysSchedulable });
}

function markPodFailure(status: NonNullable<Revision["status"]>, failure: PodFailure, now: Date): void {
  if (failure.problem === "exited") markContainerExiting(status, failure, now);
  else markResourcesUnavailable(status, { reason: failure.reason, message: failure.message }, now);
}
