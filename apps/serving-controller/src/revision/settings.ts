import { parseDuration } from "@kelvin/api";
import { findAutoscalingAnnotation } from "@kelvin/api/autoscaling/v1alpha1";
import { runtimeClassFor, type ServingConfig } from "@kelvin/api/serving/config";
import { annotations, type Revision } from "@kelvin/api/serving/v1";
import type { DeploymentSettings } from "./resources/deployment.ts";

/** The settings that Revisions depend on. */
export type RevisionSettings = Pick<ServingConfig, "deployment" | "autoscaler">;

/** What holds for one Revision: its annotations first, then the cluster's settings. Pure. */
export function decideDeploymentSettings(revision: Revision, settings: RevisionSettings): DeploymentSettings {
  const { deployment } = settings;
  const runtimeClassName = runtimeClassFor(deployment, revision.metadata.labels);
  return {
    initialScale: decideInitialScale(revision, settings),
    progressDeadlineSeconds: Math.round(decideProgressDeadlineMs(revision, settings) / 1000),
    isSpreadOverNodes: deployment.defaultAffinityType === "prefer-spread-revision-over-nodes",
    ...(runtimeClassName === undefined ? {} : { runtimeClassName }),
  };
}

/** Pods to start with. 0 only where the cluster allows it; a nonsense value, which admission refuses, counts as absent. */
function decideInitialScale(revision: Revision, { autoscaler }: RevisionSettings): number {
  const given = Number(findAutoscalingAnnotation(revision.metadata.annotations, "initialScale")?.value ?? Number.NaN);
  const isUsable = Number.isInteger(given) && (given > 0 || (given === 0 && autoscaler.allowZeroInitialScale));
  return isUsable ? given : autoscaler.initialScale;
}

function decideProgressDeadlineMs(revision: Revision, { deployment }: RevisionSettings): number {
  const given = revision.metadata.annotations?.[annotations.progressDeadline];
  if (given === undefined) return deployment.progressDeadlineMs;
  try {
    return parseDuration(given);
  } catch {
    // Admission refuses what is no duration; an object from before that rule gets the cluster's value.
    return deployment.progressDeadlineMs;
  }
}
