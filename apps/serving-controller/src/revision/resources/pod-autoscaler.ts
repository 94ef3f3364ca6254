import { apiVersionOf, makeOwnerReference } from "@kelvin/api";
import { PodAutoscaler, type Reachability } from "@kelvin/api/autoscaling/v1alpha1";
import { labels, Revision, routingStates } from "@kelvin/api/serving/v1";
import { protocolOf } from "./container.ts";
import { makeChildLabels, makeScalingAnnotations } from "./metadata.ts";
import { deploymentName, podAutoscalerName } from "./names.ts";

/** The PodAutoscaler of a Revision. Pure. */
export function makePodAutoscaler(revision: Revision, reachability: Reachability): PodAutoscaler {
  return {
    apiVersion: apiVersionOf(PodAutoscaler),
    kind: PodAutoscaler.kind,
    metadata: {
      name: podAutoscalerName(revision),
      namespace: revision.metadata.namespace ?? "",
      labels: makeChildLabels(revision),
      annotations: makeScalingAnnotations(revision),
      ownerReferences: [makeOwnerReference(Revision, revision)],
    },
    spec: {
      containerConcurrency: revision.spec.containerConcurrency ?? 0,
      scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: deploymentName(revision) },
      reachability,
      protocolType: protocolOf(revision),
    },
  };
}

/** Whether traffic may come, by the Revision's routing state; one that could not start is not worth a minimum of pods. */
export function decideReachability(revision: Revision, hasTimedOut: boolean): Reachability {
  if (hasTimedOut) return "Unreachable";
  const state = revision.metadata.labels?.[labels.routingState];
  if (state === routingStates.active) return "Reachable";
  return state === routingStates.reserve ? "Unreachable" : "";
}
