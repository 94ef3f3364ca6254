import { formatDuration, parseDuration } from "../../meta/duration.ts";
import { fieldError, invalidValue, outOfBounds, type FieldError } from "../../meta/field-error.ts";
import type { ObjectMeta } from "../../meta/object-meta.ts";
import { autoscalerLimits, type AutoscalerConfig } from "../../serving/config/autoscaler-config.ts";
import {
  autoscalerClasses,
  autoscalingAnnotations,
  findAutoscalingAnnotation,
  scalingMetrics,
  type AutoscalingAnnotation,
} from "./annotations.ts";

type Annotations = ObjectMeta["annotations"];

const int32Max = 2_147_483_647;

/** What is wrong with the autoscaling annotations. Paths are the annotations' keys. */
export function validateAutoscalingAnnotations(annotations: Annotations, config: AutoscalerConfig): FieldError[] {
  if (annotations === undefined) return [];
  return [
    ...validateClass(annotations),
    ...validateScales(annotations, config),
    ...validateNumbers(annotations),
    ...validateDurations(annotations),
    ...validateMetric(annotations),
    ...validateAlgorithm(annotations),
    ...validateInitialScale(annotations, config),
  ];
}

function validateClass(annotations: Annotations): FieldError[] {
  const [key] = autoscalingAnnotations.class;
  const value = annotations?.[key];
  const isOurs = value?.endsWith(".knative.dev") === true;
  return isOurs && !isKnownClass(value) ? [invalidValue(value, key)] : [];
}

function isKnownClass(value: string | undefined): boolean {
  return value === autoscalerClasses.kpa || value === autoscalerClasses.hpa;
}

interface Scale {
  /** 0 when it is not set or wrong. */
  readonly value: number;
  readonly isSet: boolean;
  readonly errors: readonly FieldError[];
}

function readScale(annotations: Annotations, setting: AutoscalingAnnotation): Scale {
  const found = findAutoscalingAnnotation(annotations, setting);
  if (found === undefined) return { value: 0, isSet: false, errors: [] };
  const { key, value: raw } = found;
  if (!/^[+-]?\d+$/.test(raw)) return { value: 0, isSet: true, errors: [invalidValue(raw, key)] };
  const value = Number(raw);
  const isValid = value >= 0 && value <= int32Max;
  if (isValid) return { value, isSet: true, errors: [] };
  return { value: 0, isSet: true, errors: [outOfBounds(raw, { min: 0, max: int32Max }, key)] };
}

function validateScales(annotations: Annotations, config: AutoscalerConfig): FieldError[] {
  const min = readScale(annotations, "minScale");
  const max = readScale(annotations, "maxScale");
  const errors = [...min.errors, ...max.errors];
  const [minKey] = autoscalingAnnotations.minScale;
  const [maxKey] = autoscalingAnnotations.maxScale;
  if (max.value !== 0 && max.value < min.value) {
    errors.push(fieldError(`max-scale=${max.value} is less than min-scale=${min.value}`, [maxKey, minKey]));
  }
  if (max.isSet && max.errors.length === 0) errors.push(...validateMaxScaleLimit(max.value, config.maxScaleLimit));
  return [...errors, ...validateActivationScale(annotations, { min: min.value, max: max.value })];
}

function validateMaxScaleLimit(maxScale: number, limit: number): FieldError[] {
  const [key] = autoscalingAnnotations.maxScale;
  if (limit === 0) return [];
  if (maxScale > limit) return [outOfBounds(maxScale, { min: 1, max: limit }, key)];
  return maxScale === 0 ? [fieldError(`max-scale=0 (unlimited), must be less than ${limit}`, [key])] : [];
}

function validateActivationScale(annotations: Annotations, bounds: { min: number; max: number }): FieldError[] {
  const { value, isSet, errors } = readScale(annotations, "activationScale");
  if (!isSet || errors.length > 0) return [...errors];
  const [key] = autoscalingAnnotations.activationScale;
  const [minKey] = autoscalingAnnotations.minScale;
  const [maxKey] = autoscalingAnnotations.maxScale;
  if (value < 2) return [fieldError(`activation-scale=${value} must be greater than 1`, [key])];
  if (bounds.min > value) {
    return [fieldError(`min-scale=${bounds.min} is greater than activation-scale=${value}`, [minKey, key])];
  }
  if (bounds.max !== 0 && bounds.max < value) {
    return [fieldError(`max-scale=${bounds.max} is less than activation-scale=${value}`, [maxKey, key])];
  }
  return [];
}

function validateNumbers(annotations: Annotations): FieldError[] {
  const limits = autoscalerLimits;
  const targetMin = limits.targetMin;
  return [
    ...validateNumber(annotations, "panicWindowPercentage", (value) =>
      isWithin(value, { min: limits.panicWindowPercentageMin, max: limits.panicWindowPercentageMax }),
    ),
    ...validateNumber(annotations, "panicThresholdPercentage", (value) =>
      isWithin(value, { min: limits.panicThresholdPercentageMin, max: limits.panicThresholdPercentageMax }),
    ),
    ...validateNumber(annotations, "targetUtilizationPercentage", (value) => isWithin(value, { min: 1, max: 100 })),
    ...validateNumber(annotations, "target", ({ key, raw, value }) =>
      value < targetMin ? [fieldError(`target ${raw} should be at least ${targetMin}`, [key])] : [],
    ),
    ...validateNumber(annotations, "targetBurstCapacity", ({ key, raw, value }) =>
      value < 0 && value !== -1 ? [invalidValue(raw, key)] : [],
    ),
  ];
}

interface Given {
  readonly key: string;
  readonly raw: string;
  readonly value: number;
}

function validateNumber(
  annotations: Annotations,
  setting: AutoscalingAnnotation,
  check: (given: Given) => FieldError[],
): FieldError[] {
  const found = findAutoscalingAnnotation(annotations, setting);
  if (found === undefined) return [];
  const { key, value: raw } = found;
  const value = raw.trim() === "" ? Number.NaN : Number(raw);
  return Number.isFinite(value) ? check({ key, raw, value }) : [invalidValue(raw, key)];
}

function isWithin({ key, raw, value }: Given, bounds: { min: number; max: number }): FieldError[] {
  return value < bounds.min || value > bounds.max ? [outOfBounds(raw, bounds, key)] : [];
}

function validateDurations(annotations: Annotations): FieldError[] {
  const { windowMsMin, windowMsMax, scaleDownDelayMsMax, podRetentionMsMax } = autoscalerLimits;
  return [
    ...validateDuration(annotations, "window", { minMs: windowMsMin, maxMs: windowMsMax, wholeSeconds: true }),
    ...validateDuration(annotations, "scaleDownDelay", { minMs: 0, maxMs: scaleDownDelayMsMax, wholeSeconds: true }),
    ...validateDuration(annotations, "scaleToZeroPodRetentionPeriod", {
      minMs: 0,
      maxMs: podRetentionMsMax,
      wholeSeconds: false,
    }),
  ];
}

interface DurationRule {
  readonly minMs: number;
  readonly maxMs: number;
  readonly wholeSeconds: boolean;
}

function validateDuration(annotations: Annotations, setting: AutoscalingAnnotation, rule: DurationRule): FieldError[] {
  const found = findAutoscalingAnnotation(annotations, setting);
  if (found === undefined) return [];
  const { key, value: raw } = found;
  let durationMs: number;
  try {
    durationMs = parseDuration(raw);
  } catch {
    // Only what is not a duration throws, and the value is in the message.
    return [invalidValue(raw, key)];
  }
  if (durationMs < rule.minMs || durationMs > rule.maxMs) {
    return [outOfBounds(raw, { min: formatDuration(rule.minMs), max: formatDuration(rule.maxMs) }, key)];
  }
  if (rule.wholeSeconds && durationMs % 1000 !== 0) {
    return [fieldError("must be specified with at most second precision", [key])];
  }
  return [];
}

function validateMetric(annotations: Annotations): FieldError[] {
  const [key] = autoscalingAnnotations.metric;
  const metric = annotations?.[key];
  if (metric === undefined) return [];
  const autoscalerClass = annotations?.[autoscalingAnnotations.class[0]] ?? autoscalerClasses.kpa;
  if (!isKnownClass(autoscalerClass)) return [];
  const isValid =
    autoscalerClass === autoscalerClasses.kpa
      ? metric === scalingMetrics.concurrency || metric === scalingMetrics.rps
      : metric !== "";
  return isValid ? [] : [invalidValue(metric, key)];
}

function validateAlgorithm(annotations: Annotations): FieldError[] {
  // Somebody else's autoscaler may know other algorithms.
  if (annotations?.[autoscalingAnnotations.class[0]] !== autoscalerClasses.kpa) return [];
  const found = findAutoscalingAnnotation(annotations, "metricAggregationAlgorithm");
  if (found === undefined || found.value === "") return [];
  const isValid = ["linear", "weighted-exponential", "weightedExponential"].includes(found.value);
  return isValid ? [] : [invalidValue(found.value, found.key)];
}

function validateInitialScale(annotations: Annotations, config: AutoscalerConfig): FieldError[] {
  const found = findAutoscalingAnnotation(annotations, "initialScale");
  if (found === undefined) return [];
  const { key, value: raw } = found;
  if (!/^[+-]?\d+$/.test(raw)) return [invalidValue(raw, key)];
  const value = Number(raw);
  // Knative's texts put these phrases where the path stands, and clients look for them there.
  if (value < 0) return [invalidValue(raw, `${key} must be greater than 0`)];
  if (value === 0 && !config.allowZeroInitialScale) return [invalidValue(raw, `${key}=0 not allowed by cluster`)];
  return [];
}
