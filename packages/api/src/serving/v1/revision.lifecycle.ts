import {
  conditionSet,
  getCondition,
  isConditionFalse,
  isConditionTrue,
  type Condition,
  type ConditionedStatus,
} from "../../meta/conditions.ts";
import { initializeStatus, propagateCondition } from "../../meta/status.ts";
import { podAutoscalerConditions, type PodAutoscaler } from "../../autoscaling/v1alpha1/pod-autoscaler.types.ts";
import { revisionReasons } from "./reasons.ts";
import { Revision, revisionConditions, type RevisionStatus } from "./revision.types.ts";

const set = Revision.conditions;

/** Why a condition is not True. */
export interface Cause {
  readonly reason: string;
  readonly message: string;
}

/** Adds the conditions that are absent and returns the status. */
export function initializeRevision(revision: Revision, now: Date): RevisionStatus {
  return initializeStatus(Revision, revision, now) as RevisionStatus;
}

/** Its containers have been seen to run. */
export function markContainerHealthy(status: RevisionStatus, now: Date): void {
  set.markTrue(status, { type: revisionConditions.containerHealthy }, now);
}

/** A container cannot run. */
export function markContainerUnhealthy(status: RevisionStatus, cause: Cause, now: Date): void {
  set.markFalse(status, { type: revisionConditions.containerHealthy, ...cause }, now);
}

/** It is not known yet whether its containers run. */
export function markContainerHealthyUnknown(status: RevisionStatus, cause: Cause, now: Date): void {
  set.markUnknown(status, { type: revisionConditions.containerHealthy, ...cause }, now);
}

/** An image could not be resolved; `message` says why. */
export function markContainerMissing(
  status: RevisionStatus,
  { image, message }: { image: string; message: string },
  now: Date,
): void {
  const text = `Unable to fetch image "${image}": failed to resolve image to digest: ${message}`;
  markContainerUnhealthy(status, { reason: revisionReasons.containerMissing, message: text }, now);
}

/** A container ended; `message` is its termination message. */
export function markContainerExiting(
  status: RevisionStatus,
  { exitCode, message }: { exitCode: number; message: string },
  now: Date,
): void {
  const said = exitCode === 0 && message === "" ? "container exited with no error" : message;
  markContainerUnhealthy(status, { reason: `ExitCode${exitCode}`, message: `Container failed with: ${said}` }, now);
}

/** What it needs in the cluster is there. */
export function markResourcesAvailable(status: RevisionStatus, now: Date): void {
  set.markTrue(status, { type: revisionConditions.resourcesAvailable }, now);
}

/** What it needs in the cluster cannot be had. */
export function markResourcesUnavailable(status: RevisionStatus, cause: Cause, now: Date): void {
  set.markFalse(status, { type: revisionConditions.resourcesAvailable, ...cause }, now);
}

/** What it needs in the cluster is being made. */
export function markResourcesAvailableUnknown(status: RevisionStatus, cause: Cause, now: Date): void {
  set.markUnknown(status, { type: revisionConditions.resourcesAvailable, ...cause }, now);
}

/** The digests of its images are being looked up. */
export function markResolvingDigests(status: RevisionStatus, now: Date): void {
  markResourcesAvailableUnknown(status, { reason: revisionReasons.resolvingDigests, message: "" }, now);
}

/** Its Deployment has just been made. */
export function markDeploying(status: RevisionStatus, now: Date): void {
  markResourcesAvailableUnknown(status, deploying, now);
  markContainerHealthyUnknown(status, deploying, now);
}

/** A child's name is taken by an object of somebody else. */
export function markRevisionResourceNotOwned(
  status: RevisionStatus,
  { kind, name }: { kind: string; name: string },
  now: Date,
): void {
  const message = `There is an existing ${kind} "${name}" that we do not own.`;
  markResourcesUnavailable(status, { reason: revisionReasons.notOwned, message }, now);
}

/** It has pods. */
export function markRevisionActive(status: RevisionStatus, now: Date): void {
  set.markTrue(status, { type: revisionConditions.active }, now);
}

/** It has no pods. Says nothing about Ready: a Revision at zero serves. */
export function markRevisionInactive(status: RevisionStatus, cause: Cause, now: Date): void {
  set.markFalse(status, { type: revisionConditions.active, ...cause }, now);
}

/** Pods are on their way, or it is not known whether it has any. */
export function markRevisionActiveUnknown(status: RevisionStatus, cause: Cause, now: Date): void {
  set.markUnknown(status, { type: revisionConditions.active, ...cause }, now);
}

/** The part of a Deployment's status that tells whether its pods could be made. */
export interface DeploymentProgress {
  readonly conditions?: readonly Readonly<{ type: string; status: string; reason?: string; message?: string }>[];
}

/**
 * Derives ResourcesAvailable from a Deployment: from `Progressing` and the absence of `ReplicaFailure`. `Available` is
 * not looked at, because a Revision at zero has no available pods and is well.
 */
export function propagateDeployment(
  status: RevisionStatus,
  deployment: DeploymentProgress | undefined,
  now: Date,
): void {
  const ready = deploymentReadiness(deployment, now);
  if (ready?.status === "Unknown" && ready.reason === undefined) {
    markResourcesAvailableUnknown(status, deploying, now);
    return;
  }
  propagateCondition(set, status, { from: ready, to: revisionConditions.resourcesAvailable, now });
}

/** Merges what the autoscaler knows: scale, activity, and whether the initial scale was ever reached. */
export function propagatePodAutoscaler(status: RevisionStatus, podAutoscaler: PodAutoscaler, now: Date): void {
  copyScale(status, podAutoscaler);
  const wereResourcesUnavailable = isConditionFalse(status, revisionConditions.resourcesAvailable);
  const wasContainerUnhealthy = isConditionFalse(status, revisionConditions.containerHealthy);
  const ready = getCondition(podAutoscaler.status, "Ready");
  if (ready === undefined) {
    markRevisionActiveUnknown(status, deploying, now);
    return;
  }
  const isInitialized = isConditionTrue(podAutoscaler.status, podAutoscalerConditions.scaleTargetInitialized);
  if (isInitialized && !wereResourcesUnavailable && !wasContainerUnhealthy) {
    markResourcesAvailable(status, now);
    markContainerHealthy(status, now);
  }
  if (!isInitialized && isConditionTrue(status, revisionConditions.resourcesAvailable)) {
    markResourcesAvailableUnknown(status, deploying, now);
  }
  // Given up before the initial scale was reached. A cause that is already known says more, so it stays.
  if (ready.status === "False" && !isInitialized && !wereResourcesUnavailable && !wasContainerUnhealthy) {
    markResourcesUnavailable(status, neverInitialized, now);
  }
  propagateCondition(set, status, { from: ready, to: revisionConditions.active, now });
}

const deploying: Cause = { reason: revisionReasons.deploying, message: "" };
const neverInitialized: Cause = {
  reason: revisionReasons.progressDeadlineExceeded,
  message: "Initial scale was never achieved",
};

const deploymentSet = conditionSet(["Progressing", "ReplicaSetReady"]);

function deploymentReadiness(deployment: DeploymentProgress | undefined, now: Date): Condition | undefined {
  const derived: ConditionedStatus = {};
  deploymentSet.initialize(derived, now);
  // Kubernetes reports ReplicaFailure only when there is one.
  deploymentSet.markTrue(derived, { type: "ReplicaSetReady" }, now);
  for (const { type, status, reason = "", message = "" } of deployment?.conditions ?? []) {
    if (type === "Progressing") {
      const from = { type, status: asConditionStatus(status), reason, message };
      propagateCondition(deploymentSet, derived, { from, to: type, now });
    }
    if (type === "ReplicaFailure") {
      const from = { type, status: negated(asConditionStatus(status)), reason, message };
      propagateCondition(deploymentSet, derived, { from, to: "ReplicaSetReady", now });
    }
  }
  return getCondition(derived, "Ready");
}

function copyScale(status: RevisionStatus, { status: scale }: PodAutoscaler): void {
  if (scale?.actualScale !== undefined && scale.actualScale >= 0) status.actualReplicas = scale.actualScale;
  if (scale?.desiredScale !== undefined && scale.desiredScale >= 0) status.desiredReplicas = scale.desiredScale;
}

function asConditionStatus(status: string): Condition["status"] {
  return status === "True" || status === "False" ? status : "Unknown";
}

function negated(status: Condition["status"]): Condition["status"] {
  if (status === "Unknown") return status;
  return status === "True" ? "False" : "True";
}
