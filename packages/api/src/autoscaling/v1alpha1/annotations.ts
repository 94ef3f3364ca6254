import type { ObjectMeta } from "../../meta/object-meta.ts";

/** The prefix of every autoscaling annotation. */
export const autoscalingGroup = "autoscaling.knative.dev";

/** Autoscaling annotation keys; each with its older spelling, where there is one. The first that is present wins. */
export const autoscalingAnnotations = {
  class: ["autoscaling.knative.dev/class"],
  metric: ["autoscaling.knative.dev/metric"],
  target: ["autoscaling.knative.dev/target"],
  targetUtilizationPercentage: [
    "autoscaling.knative.dev/target-utilization-percentage",
    "autoscaling.knative.dev/targetUtilizationPercentage",
  ],
  targetBurstCapacity: ["autoscaling.knative.dev/target-burst-capacity", "autoscaling.knative.dev/targetBurstCapacity"],
  minScale: ["autoscaling.knative.dev/min-scale", "autoscaling.knative.dev/minScale"],
  maxScale: ["autoscaling.knative.dev/max-scale", "autoscaling.knative.dev/maxScale"],
  initialScale: ["autoscaling.knative.dev/initial-scale", "autoscaling.knative.dev/initialScale"],
  activationScale: ["autoscaling.knative.dev/activation-scale"],
  scaleDownDelay: ["autoscaling.knative.dev/scale-down-delay", "autoscaling.knative.dev/scaleDownDelay"],
  window: ["autoscaling.knative.dev/window"],
  panicWindowPercentage: [
    "autoscaling.knative.dev/panic-window-percentage",
    "autoscaling.knative.dev/panicWindowPercentage",
  ],
  panicThresholdPercentage: [
    "autoscaling.knative.dev/panic-threshold-percentage",
    "autoscaling.knative.dev/panicThresholdPercentage",
  ],
  scaleToZeroPodRetentionPeriod: [
    "autoscaling.knative.dev/scale-to-zero-pod-retention-period",
    "autoscaling.knative.dev/scaleToZeroPodRetentionPeriod",
  ],
  metricAggregationAlgorithm: [
    "autoscaling.knative.dev/metric-aggregation-algorithm",
    "autoscaling.knative.dev/metricAggregationAlgorithm",
  ],
} as const satisfies Record<string, readonly [string, ...string[]]>;

/** Name of one autoscaling setting. */
export type AutoscalingAnnotation = keyof typeof autoscalingAnnotations;

/** Values of the class annotation. Any class outside knative.dev is somebody else's to act on. */
export const autoscalerClasses = {
  kpa: "kpa.autoscaling.knative.dev",
  hpa: "hpa.autoscaling.knative.dev",
} as const;

/** Values of the metric annotation that have a meaning of their own. */
export const scalingMetrics = { concurrency: "concurrency", rps: "rps", cpu: "cpu", memory: "memory" } as const;

/** Key and raw value of a setting as this object spells it, or undefined when it is not set. */
export function findAutoscalingAnnotation(
  annotations: ObjectMeta["annotations"],
  setting: AutoscalingAnnotation,
): { key: string; value: string } | undefined {
  for (const key of autoscalingAnnotations[setting]) {
    const value = annotations?.[key];
    if (value !== undefined) return { key, value };
  }
  return undefined;
}
