export {
  PodAutoscaler,
  podAutoscalerConditions,
  PodAutoscalerSpec,
  PodAutoscalerStatus,
  Reachability,
  ScaleTargetReference,
} from "./pod-autoscaler.types.ts";
export {
  autoscalerClasses,
  autoscalingAnnotations,
  autoscalingGroup,
  findAutoscalingAnnotation,
  scalingMetrics,
  type AutoscalingAnnotation,
} from "./annotations.ts";
export { defaultPodAutoscaler } from "./pod-autoscaler.defaults.ts";
export { validatePodAutoscaler } from "./pod-autoscaler.validation.ts";
export {
  activeStatusAgeMs,
  initializePodAutoscaler,
  isActivating,
  isActive,
  isInactive,
  isScaleTargetInitialized,
  markActivating,
  markActivationTimedOut,
  markActive,
  markInactive,
  markNoTraffic,
  markQueued,
  markResourceFailedCreation,
  markResourceNotOwned,
  markScaleTargetInitialized,
  podAutoscalerReasons,
} from "./pod-autoscaler.lifecycle.ts";
