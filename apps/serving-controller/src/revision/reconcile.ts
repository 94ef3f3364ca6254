import { isConditionTrue, readyCondition } from "@kelvin/api";
import type { PodAutoscaler } from "@kelvin/api/autoscaling/v1alpha1";
import { initializeRevision, type Revision } from "@kelvin/api/serving/v1";
import { type ChildDeps, type Outcome, waitForEvent } from "@kelvin/controller";
import type { Clock, Deployment, Pod } from "@kelvin/kube";
import type { Reader } from "../reader.ts";
import { reconcileDeployment } from "./deployment.ts";
import { reconcileDigests } from "./digests.ts";
import type { DigestPool } from "./digest-pool.ts";
import { reconcilePodAutoscaler } from "./pod-autoscaler.ts";
import { reconcileRevisionRoutes, type RevisionRoutesDeps } from "../routing-state/revision-routes.ts";
import type { RevisionSettings } from "./settings.ts";

export interface RevisionDeps extends ChildDeps, RevisionRoutesDeps {
  readonly clock: Pick<Clock, "now">;
  readonly deployments: Reader<Deployment>;
  readonly podAutoscalers: Reader<PodAutoscaler>;
  /** Has the index `revision`. */
  readonly pods: Reader<Pod>;
  readonly digests: DigestPool;
  /** The cluster's settings now. */
  readonly settings: RevisionSettings;
}

/** One step towards a running Revision: an Outcome ends the reconcile, undefined goes on. */
type Step = (revision: Revision, deps: RevisionDeps) => Promise<Outcome | undefined>;

const steps: readonly Step[] = [reconcileRevisionRoutes, reconcileDigests, reconcileDeployment, reconcilePodAutoscaler];

/**
 * Makes a Revision run: its images fixed by digest, one Deployment, one PodAutoscaler. Its status tells whether the
 * containers are healthy, whether the cluster has room for them, and how many there are.
 *
 * @throws NotOwnedError when a child's name belongs to someone else.
 */
export async function reconcileRevision(revision: Revision, deps: RevisionDeps): Promise<Outcome> {
  const status = initializeRevision(revision, deps.clock.now());
  const wasReady = isConditionTrue(status, readyCondition);
  for (const step of steps) {
    const outcome = await step(revision, deps);
    if (outcome !== undefined) return outcome;
  }
  if (!wasReady && isConditionTrue(status, readyCondition)) {
    deps.recorder.normal(revision, "RevisionReady", "Revision becomes ready upon all resources being ready");
  }
  return waitForEvent;
}
