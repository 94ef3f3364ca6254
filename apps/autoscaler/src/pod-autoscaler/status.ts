import {
  isActivating,
  isInactive,
  markActivationTimedOut,
  markActive,
  markNoTraffic,
  markQueued,
  markScaleTargetInitialized,
  isScaleTargetInitialized,
  type PodAutoscalerStatus,
} from "@kelvin/api/autoscaling/v1alpha1";
import type { ScaleSpec } from "../decider/scale-spec.ts";

/** Repeats the decision in the status, with Knative's conditions. */
export function propagateScale(
  status: PodAutoscalerStatus,
  scale: { spec: ScaleSpec; podCount: number; podCountServing: number },
  now: Date,
): void {
  const { spec, podCount, podCountServing } = scale;
  status.desiredScale = podCount;
  status.actualScale = podCountServing;
  const podCountNeeded = neededForReady(spec, isScaleTargetInitialized(status));
  if (podCountServing >= podCountNeeded) markScaleTargetInitialized(status, now);

  if (podCount === 0) markZero(status, { podCountNeeded }, now);
  else if (podCountServing >= podCountNeeded) markActive(status, now);
  else markQueued(status, now);
}

/** Pods that must serve before the revision counts as active: the initial scale once, one from then on. */
function neededForReady(spec: ScaleSpec, isInitialized: boolean): number {
  if (!spec.isReachable) return 1;
  return isInitialized ? Math.max(spec.podCountMin, 1) : Math.max(spec.podCountMin, spec.podCountInitial);
}

function markZero(status: PodAutoscalerStatus, { podCountNeeded }: { podCountNeeded: number }, now: Date): void {
  // The reason for zero is kept until pods are wanted again.
  if (isInactive(status)) return;
  if (isActivating(status) && podCountNeeded > 0) markActivationTimedOut(status, now);
  else markNoTraffic(status, now);
}
