import { parseDuration } from "@kelvin/api";
import {
  autoscalerClasses,
  findAutoscalingAnnotation,
  type AutoscalingAnnotation,
  type PodAutoscaler,
} from "@kelvin/api/autoscaling/v1alpha1";
import type { AutoscalerConfig } from "@kelvin/api/serving/config";
import type { ScaleSpec } from "../decider/scale-spec.ts";

/** What the operator's ConfigMaps say of scaling. */
export interface ScaleConfig {
  readonly autoscaler: AutoscalerConfig;
  /** From config-deployment, unless the revision carries its own. */
  readonly progressDeadlineMs: number;
}

const targetMin = 0.01;
/** How full a pod should be by requests per second, where nothing else is asked. Source: Knative's rps metric. */
const rpsTargetFraction = 0.7;
const progressDeadlineAnnotation = "serving.knative.dev/progress-deadline";

/** Whether this autoscaler acts on it: no class, or Knative's own. A foreign class belongs to somebody else. */
export function isOurs(podAutoscaler: PodAutoscaler): boolean {
  const autoscalerClass = findAutoscalingAnnotation(podAutoscaler.metadata.annotations, "class")?.value;
  return autoscalerClass === undefined || autoscalerClass === autoscalerClasses.kpa;
}

/** What the revision's annotations and the configuration ask for together. Values that admission would refuse count as absent. */
export function parseScaleSpec(
  podAutoscaler: PodAutoscaler,
  { autoscaler, progressDeadlineMs }: ScaleConfig,
): ScaleSpec {
  const read = annotationReader(podAutoscaler);
  const metric = read.text("metric") === "rps" ? "rps" : "concurrency";
  const stableWindowMs = read.durationMs("window") ?? autoscaler.stableWindowMs;
  const panicPercentage = read.number("panicWindowPercentage") ?? autoscaler.panicWindowPercentage;
  const thresholdPercentage = read.number("panicThresholdPercentage") ?? autoscaler.panicThresholdPercentage;
  const retentionMs = read.durationMs("scaleToZeroPodRetentionPeriod") ?? autoscaler.scaleToZeroPodRetentionPeriodMs;
  return {
    metric,
    targetPerPod: targetPerPod(podAutoscaler, { metric, autoscaler }),
    stableWindowMs,
    panicWindowMs: Math.max(1000, Math.round((stableWindowMs * panicPercentage) / 100)),
    panicThresholdRatio: thresholdPercentage / 100,
    scaleUpRateMax: autoscaler.maxScaleUpRate,
    scaleDownRateMax: autoscaler.maxScaleDownRate,
    scaleDownDelayMs: read.durationMs("scaleDownDelay") ?? autoscaler.scaleDownDelayMs,
    podCountMin: read.number("minScale") ?? autoscaler.minScale,
    podCountMax: read.number("maxScale") ?? autoscaler.maxScale,
    podCountInitial: read.number("initialScale") ?? autoscaler.initialScale,
    podCountActivation: read.number("activationScale") ?? 1,
    canScaleToZero: autoscaler.enableScaleToZero,
    scaleToZeroGraceMs: Math.max(autoscaler.scaleToZeroGracePeriodMs, retentionMs),
    progressDeadlineMs: ownProgressDeadlineMs(podAutoscaler) ?? progressDeadlineMs,
    // Not known yet counts as reachable: a new revision must not lose its first pods.
    isReachable: podAutoscaler.spec.reachability !== "Unreachable",
  };
}

function targetPerPod(
  podAutoscaler: PodAutoscaler,
  { metric, autoscaler }: { metric: ScaleSpec["metric"]; autoscaler: AutoscalerConfig },
): number {
  const read = annotationReader(podAutoscaler);
  const limit = podAutoscaler.spec.containerConcurrency ?? 0;
  const asked = read.number("target");
  const percentage = read.number("targetUtilizationPercentage");
  if (metric === "rps") {
    const fraction = percentage === undefined ? rpsTargetFraction : percentage / 100;
    return Math.max(targetMin, (asked ?? autoscaler.rpsTargetDefault) * fraction);
  }
  const fraction = percentage === undefined ? autoscaler.containerConcurrencyTargetFraction : percentage / 100;
  const total = asked ?? (limit > 0 ? limit : autoscaler.containerConcurrencyTargetDefault);
  return Math.max(targetMin, (limit > 0 ? Math.min(total, limit) : total) * fraction);
}

function ownProgressDeadlineMs(podAutoscaler: PodAutoscaler): number | undefined {
  const raw = podAutoscaler.metadata.annotations?.[progressDeadlineAnnotation];
  return raw === undefined ? undefined : tryDurationMs(raw);
}

interface AnnotationReader {
  text(setting: AutoscalingAnnotation): string | undefined;
  number(setting: AutoscalingAnnotation): number | undefined;
  durationMs(setting: AutoscalingAnnotation): number | undefined;
}

function annotationReader(podAutoscaler: PodAutoscaler): AnnotationReader {
  const text = (setting: AutoscalingAnnotation): string | undefined =>
    findAutoscalingAnnotation(podAutoscaler.metadata.annotations, setting)?.value;
  return {
    text,
    number(setting) {
      const value = Number(text(setting) ?? Number.NaN);
      return Number.isFinite(value) && value >= 0 ? value : undefined;
    },
    durationMs(setting) {
      const raw = text(setting);
      return raw === undefined ? undefined : tryDurationMs(raw);
    },
  };
}

function tryDurationMs(raw: string): number | undefined {
  try {
    return parseDuration(raw);
  } catch {
    // Admission refuses such values; one that was stored before it ran must not stop the scaling.
    return undefined;
  }
}
