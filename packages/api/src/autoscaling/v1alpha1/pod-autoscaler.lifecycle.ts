import { getCondition, isConditionFalse, isConditionTrue, type Condition } from "../../meta/conditions.ts";
import { initializeStatus } from "../../meta/status.ts";
import { PodAutoscaler, podAutoscalerConditions, type PodAutoscalerStatus } from "./pod-autoscaler.types.ts";

const set = PodAutoscaler.conditions;
const { active, scaleTargetInitialized } = podAutoscalerConditions;

/** Reasons of a PodAutoscaler's conditions. */
export const podAutoscalerReasons = {
  noTraffic: "NoTraffic",
  queued: "Queued",
  timedOut: "TimedOut",
  notOwned: "NotOwned",
  failedCreate: "FailedCreate",
} as const;

/** Adds the conditions that are absent and returns the status. */
export function initializePodAutoscaler(podAutoscaler: PodAutoscaler, now: Date): PodAutoscalerStatus {
  return initializeStatus(PodAutoscaler, podAutoscaler, now) as PodAutoscalerStatus;
}

/** Enough pods are ready. */
export function markActive(status: PodAutoscalerStatus, now: Date): void {
  set.markTrue(status, { type: active }, now);
}

/** Scaled to zero, or on the way there. */
export function markInactive(
  status: PodAutoscalerStatus,
  { reason, message }: { reason: string; message: string },
  now: Date,
): void {
  set.markFalse(status, { type: active, reason, message }, now);
}

/** Pods are wanted that are not ready yet. */
export function markActivating(
  status: PodAutoscalerStatus,
  { reason, message }: { reason: string; message: string },
  now: Date,
): void {
  set.markUnknown(status, { type: active, reason, message }, now);
}

/** Inactive because nobody calls. */
export function markNoTraffic(status: PodAutoscalerStatus, now: Date): void {
  const message = "The target is not receiving traffic.";
  markInactive(status, { reason: podAutoscalerReasons.noTraffic, message }, now);
}

/** Inactive because its pods did not become ready in time. */
export function markActivationTimedOut(status: PodAutoscalerStatus, now: Date): void {
  const message = "The target could not be activated.";
  markInactive(status, { reason: podAutoscalerReasons.timedOut, message }, now);
}

/** Requests wait for pods. */
export function markQueued(status: PodAutoscalerStatus, now: Date): void {
  const message = "Requests to the target are being buffered as resources are provisioned.";
  markActivating(status, { reason: podAutoscalerReasons.queued, message }, now);
}

/** The initial scale has been reached once. Never taken back. */
export function markScaleTargetInitialized(status: PodAutoscalerStatus, now: Date): void {
  set.markTrue(status, { type: scaleTargetInitialized }, now);
}

/** A child's name is taken by an object of somebody else. */
export function markResourceNotOwned(
  status: PodAutoscalerStatus,
  { kind, name }: { kind: string; name: string },
  now: Date,
): void {
  const message = `There is an existing ${kind} "${name}" that we do not own.`;
  markInactive(status, { reason: podAutoscalerReasons.notOwned, message }, now);
}

/** A child could not be created. */
export function markResourceFailedCreation(
  status: PodAutoscalerStatus,
  { kind, name }: { kind: string; name: string },
  now: Date,
): void {
  const message = `Failed to create ${kind} "${name}".`;
  markInactive(status, { reason: podAutoscalerReasons.failedCreate, message }, now);
}

/** Whether the initial scale was ever reached. */
export function isScaleTargetInitialized(status: PodAutoscalerStatus | undefined): boolean {
  return isConditionTrue(status, scaleTargetInitialized);
}

/** Whether it is known to have no pods. */
export function isInactive(status: PodAutoscalerStatus | undefined): boolean {
  return isConditionFalse(status, active);
}

/** Whether it has pods and they are ready. */
export function isActive(status: PodAutoscalerStatus | undefined): boolean {
  return isConditionTrue(status, active);
}

/** Whether pods are wanted that are not ready yet. */
export function isActivating(status: PodAutoscalerStatus | undefined): boolean {
  return getCondition(status, active)?.status === "Unknown";
}

/** For how long Active has had this status, in milliseconds; -1 when it has another one. */
export function activeStatusAgeMs(
  status: PodAutoscalerStatus | undefined,
  wanted: Condition["status"],
  now: Date,
): number {
  const condition = getCondition(status, active);
  if (condition?.status !== wanted || condition.lastTransitionTime === undefined) return -1;
  return Math.max(0, now.getTime() - Date.parse(condition.lastTransitionTime));
}
