import { formatDuration } from "../../meta/duration.ts";
import { readConfig, type ConfigData, type ConfigReader } from "./parse-config.ts";

/** Limits that both ConfigMap and annotations keep to. */
export const autoscalerLimits = {
  windowMsMin: 6_000,
  windowMsMax: 3_600_000,
  scaleDownDelayMsMax: 3_600_000,
  podRetentionMsMax: 3_600_000,
  targetMin: 0.01,
  panicWindowPercentageMin: 1,
  panicWindowPercentageMax: 100,
  panicThresholdPercentageMin: 110,
  panicThresholdPercentageMax: 1000,
} as const;

/** config-autoscaler: how scaling works unless a Revision says otherwise. */
export interface AutoscalerConfig {
  /** How full a pod should be of its limit or target, 0 to 1. */
  readonly containerConcurrencyTargetFraction: number;
  /** Requests at once per pod, where there is no limit. */
  readonly containerConcurrencyTargetDefault: number;
  readonly rpsTargetDefault: number;
  /** Requests that are kept on the activators' side as a reserve; -1: always all. */
  readonly targetBurstCapacity: number;
  readonly stableWindowMs: number;
  readonly panicWindowPercentage: number;
  readonly panicThresholdPercentage: number;
  readonly maxScaleUpRate: number;
  readonly maxScaleDownRate: number;
  readonly enableScaleToZero: boolean;
  readonly scaleToZeroGracePeriodMs: number;
  readonly scaleToZeroPodRetentionPeriodMs: number;
  readonly podAutoscalerClass: string;
  readonly activatorCapacity: number;
  readonly initialScale: number;
  readonly allowZeroInitialScale: boolean;
  readonly minScale: number;
  /** 0 means no limit. */
  readonly maxScale: number;
  /** 0 means no limit. */
  readonly maxScaleLimit: number;
  readonly scaleDownDelayMs: number;
}

/** Parses config-autoscaler. @throws ConfigError naming the key. */
export function parseAutoscalerConfig(content: ConfigData = {}): AutoscalerConfig {
  const read = readConfig("config-autoscaler", content);
  const percentage = read.number("container-concurrency-target-percentage", 70);
  const config: AutoscalerConfig = {
    // Values up to 1 are meant as a fraction.
    containerConcurrencyTargetFraction: percentage > 1 ? percentage / 100 : percentage,
    containerConcurrencyTargetDefault: read.number("container-concurrency-target-default", 100),
    rpsTargetDefault: read.number("requests-per-second-target-default", 200),
    targetBurstCapacity: read.number("target-burst-capacity", 211),
    stableWindowMs: read.durationMs("stable-window", 60_000),
    panicWindowPercentage: read.number("panic-window-percentage", 10),
    panicThresholdPercentage: read.number("panic-threshold-percentage", 200),
    maxScaleUpRate: read.number("max-scale-up-rate", 1000),
    maxScaleDownRate: read.number("max-scale-down-rate", 2),
    enableScaleToZero: read.boolean("enable-scale-to-zero", true),
    scaleToZeroGracePeriodMs: read.durationMs("scale-to-zero-grace-period", 30_000),
    scaleToZeroPodRetentionPeriodMs: read.durationMs("scale-to-zero-pod-retention-period", 0),
    podAutoscalerClass: read.text("pod-autoscaler-class", "kpa.autoscaling.knative.dev"),
    activatorCapacity: read.number("activator-capacity", 100),
    initialScale: read.integer("initial-scale", 1),
    allowZeroInitialScale: read.boolean("allow-zero-initial-scale", false),
    minScale: read.integer("min-scale", 0),
    maxScale: read.integer("max-scale", 0),
    maxScaleLimit: read.integer("max-scale-limit", 0),
    scaleDownDelayMs: read.durationMs("scale-down-delay", 0),
  };
  checkTargets(config, read);
  checkWindows(config, read);
  checkRates(config, read);
  checkScales(config, read);
  return config;
}

function checkTargets(config: AutoscalerConfig, { fail }: ConfigReader): void {
  const { containerConcurrencyTargetFraction: fraction, targetBurstCapacity } = config;
  if (fraction <= 0 || fraction > 1) {
    fail("container-concurrency-target-percentage", `must be above 0 and at most 100, was ${fraction * 100}`);
  }
  const targetMin = autoscalerLimits.targetMin;
  if (fraction * config.containerConcurrencyTargetDefault < targetMin) {
    fail("container-concurrency-target-default", `times the target percentage must be at least ${targetMin}`);
  }
  if (config.rpsTargetDefault < targetMin) {
    fail("requests-per-second-target-default", `must be at least ${targetMin}, was ${config.rpsTargetDefault}`);
  }
  if (targetBurstCapacity < 0 && targetBurstCapacity !== -1) {
    fail("target-burst-capacity", `must be -1 or at least 0, was ${targetBurstCapacity}`);
  }
  if (config.activatorCapacity < 1) fail("activator-capacity", `must be at least 1, was ${config.activatorCapacity}`);
}

function checkWindows(config: AutoscalerConfig, { fail }: ConfigReader): void {
  const { stableWindowMs, scaleDownDelayMs, panicWindowPercentage } = config;
  const { windowMsMin, windowMsMax, panicWindowPercentageMin, panicWindowPercentageMax } = autoscalerLimits;
  if (config.scaleToZeroGracePeriodMs <= 0) fail("scale-to-zero-grace-period", "must be more than 0s");
  if (config.scaleToZeroPodRetentionPeriodMs < 0) fail("scale-to-zero-pod-retention-period", "must not be negative");
  if (scaleDownDelayMs < 0) fail("scale-down-delay", "must not be negative");
  if (scaleDownDelayMs % 1000 !== 0) fail("scale-down-delay", "must be given in whole seconds");
  if (stableWindowMs % 1000 !== 0) fail("stable-window", "must be given in whole seconds");
  if (stableWindowMs < windowMsMin || stableWindowMs > windowMsMax) {
    const range = `${formatDuration(windowMsMin)} to ${formatDuration(windowMsMax)}`;
    fail("stable-window", `must be ${range}, was ${formatDuration(stableWindowMs)}`);
  }
  if (panicWindowPercentage < panicWindowPercentageMin || panicWindowPercentage > panicWindowPercentageMax) {
    fail("panic-window-percentage", `must be 1 to 100, was ${panicWindowPercentage}`);
  }
}

function checkRates({ maxScaleUpRate, maxScaleDownRate }: AutoscalerConfig, { fail }: ConfigReader): void {
  if (maxScaleUpRate <= 1) fail("max-scale-up-rate", `must be more than 1, was ${maxScaleUpRate}`);
  if (maxScaleDownRate <= 1) fail("max-scale-down-rate", `must be more than 1, was ${maxScaleDownRate}`);
}

function checkScales(config: AutoscalerConfig, { fail }: ConfigReader): void {
  const { initialScale, minScale, maxScale, maxScaleLimit } = config;
  if (initialScale < 0) fail("initial-scale", `must not be negative, was ${initialScale}`);
  if (initialScale === 0 && !config.allowZeroInitialScale) {
    fail("initial-scale", "may be 0 only when allow-zero-initial-scale is true");
  }
  if (minScale < 0) fail("min-scale", `must not be negative, was ${minScale}`);
  if (maxScale < 0) fail("max-scale", `must not be negative, was ${maxScale}`);
  if (maxScaleLimit < 0) fail("max-scale-limit", `must not be negative, was ${maxScaleLimit}`);
  if (maxScale > 0 && minScale > maxScale) fail("min-scale", `${minScale} is more than max-scale ${maxScale}`);
  if (maxScaleLimit > 0 && (maxScale < 1 || maxScale > maxScaleLimit)) {
    fail("max-scale", `must be 1 to max-scale-limit ${maxScaleLimit}, was ${maxScale}`);
  }
}
