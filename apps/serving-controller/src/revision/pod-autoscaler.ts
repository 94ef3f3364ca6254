import { keyOf } from "@kelvin/api";
import { autoscalingAnnotations, autoscalingGroup, PodAutoscaler } from "@kelvin/api/autoscaling/v1alpha1";
import {
  initializeRevision,
  markRevisionResourceNotOwned,
  propagatePodAutoscaler,
  type Revision,
} from "@kelvin/api/serving/v1";
import { ensureChild, mergeExactly, type Outcome } from "@kelvin/controller";
import { hasTimedOut } from "./deployment.ts";
import type { RevisionDeps } from "./reconcile.ts";
import { deploymentName } from "./resources/names.ts";
import { decideReachability, makePodAutoscaler } from "./resources/pod-autoscaler.ts";

/** Makes the PodAutoscaler exist and match, and repeats what the autoscaler says of activity and scale. */
export async function reconcilePodAutoscaler(revision: Revision, deps: RevisionDeps): Promise<Outcome | undefined> {
  const now = deps.clock.now();
  const status = initializeRevision(revision, now);
  const { namespace = "" } = revision.metadata;
  const deployment = deps.deployments.get({ namespace, name: deploymentName(revision) });
  const isHopeless = hasTimedOut(deployment) && (deployment?.status?.readyReplicas ?? 0) === 0;
  const desired = makePodAutoscaler(revision, decideReachability(revision, isHopeless));
  const podAutoscaler = await ensureChild(
    {
      kind: PodAutoscaler,
      owner: revision,
      desired,
      existing: deps.podAutoscalers.get(keyOf(desired)),
      merge: (existing) => mergePodAutoscaler(existing, desired),
      markNotOwned: ({ metadata: { name = "" } }) =>
        markRevisionResourceNotOwned(status, { kind: PodAutoscaler.kind, name }, now),
      announcedAs: undefined,
    },
    deps,
  );
  propagatePodAutoscaler(status, podAutoscaler, now);
  return undefined;
}

/** What admission fills in when the Revision says nothing. */
const filledIn: ReadonlySet<string> = new Set([...autoscalingAnnotations.class, ...autoscalingAnnotations.metric]);

/** The Revision is the source of the scaling settings: one that a user has taken away there goes here too. */
function mergePodAutoscaler(existing: PodAutoscaler, desired: PodAutoscaler): PodAutoscaler | undefined {
  const wanted = desired.metadata.annotations ?? {};
  const isStale = (key: string): boolean =>
    key.startsWith(`${autoscalingGroup}/`) && !filledIn.has(key) && !(key in wanted);
  const before = existing.metadata.annotations ?? {};
  const kept = Object.fromEntries(Object.entries(before).filter(([key]) => !isStale(key)));
  return mergeExactly(existing, {
    ...desired,
    metadata: {
      labels: { ...existing.metadata.labels, ...desired.metadata.labels },
      annotations: { ...kept, ...wanted },
    },
  });
}
