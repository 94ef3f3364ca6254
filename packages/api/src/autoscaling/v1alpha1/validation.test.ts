import { describe, expect, test } from "@jest/globals";
import { fieldErrorText } from "../../meta/field-error.ts";
import { parseServingConfig } from "../../serving/config/serving-config.ts";
import { autoscalingAnnotations } from "./annotations.ts";
import { validateAutoscalingAnnotations } from "./annotations.validation.ts";
import { defaultPodAutoscaler } from "./pod-autoscaler.defaults.ts";
import type { PodAutoscaler, PodAutoscalerSpec } from "./pod-autoscaler.types.ts";
import { validatePodAutoscaler } from "./pod-autoscaler.validation.ts";

const prefix = "autoscaling.knative.dev/";
const kpa = "kpa.autoscaling.knative.dev";
const hpa = "hpa.autoscaling.knative.dev";

function textFor(annotations: Record<string, string>, settings: Record<string, string> = {}): string {
  const { autoscaler } = parseServingConfig({ "config-autoscaler": settings });
  const prefixed = Object.fromEntries(Object.entries(annotations).map(([key, value]) => [prefix + key, value]));
  return fieldErrorText(validateAutoscalingAnnotations(prefixed, autoscaler));
}

describe("annotations", () => {
  const rows: [Record<string, string>, string][] = [
    [{}, ""],
    [{ class: "unknown.knative.dev" }, `invalid value: unknown.knative.dev: ${prefix}class`],
    [{ class: "mine.example.com", metric: "anything" }, ""],
    [{ "min-scale": "-1" }, `expected 0 <= -1 <= 2147483647: ${prefix}min-scale`],
    [{ "min-scale": "2147483648" }, `expected 0 <= 2147483648 <= 2147483647: ${prefix}min-scale`],
    [{ minScale: "one" }, `invalid value: one: ${prefix}minScale`],
    [{ "max-scale": "" }, `invalid value: : ${prefix}max-scale`],
    [
      { "min-scale": "3", "max-scale": "2" },
      `max-scale=2 is less than min-scale=3: ${prefix}max-scale, ${prefix}min-scale`,
    ],
    [{ minScale: "3", maxScale: "2" }, `max-scale=2 is less than min-scale=3: ${prefix}max-scale, ${prefix}min-scale`],
    [{ "min-scale": "3", "max-scale": "0" }, ""],
    [{ "activation-scale": "1" }, `activation-scale=1 must be greater than 1: ${prefix}activation-scale`],
    [
      { "activation-scale": "2", "min-scale": "3" },
      `min-scale=3 is greater than activation-scale=2: ${prefix}activation-scale, ${prefix}min-scale`,
    ],
    [
      { "activation-scale": "5", "max-scale": "4" },
      `max-scale=4 is less than activation-scale=5: ${prefix}activation-scale, ${prefix}max-scale`,
    ],
    [{ target: "0" }, `target 0 should be at least 0.01: ${prefix}target`],
    [{ target: "many" }, `invalid value: many: ${prefix}target`],
    [{ "target-utilization-percentage": "0.5" }, `expected 1 <= 0.5 <= 100: ${prefix}target-utilization-percentage`],
    [{ "target-burst-capacity": "-2" }, `invalid value: -2: ${prefix}target-burst-capacity`],
    [{ "target-burst-capacity": "-1" }, ""],
    [{ "panic-window-percentage": "0.1" }, `expected 1 <= 0.1 <= 100: ${prefix}panic-window-percentage`],
    [{ panicThresholdPercentage: "109" }, `expected 110 <= 109 <= 1000: ${prefix}panicThresholdPercentage`],
    [{ window: "5s" }, `expected 6s <= 5s <= 1h0m0s: ${prefix}window`],
    [{ window: "61m" }, `expected 6s <= 61m <= 1h0m0s: ${prefix}window`],
    [{ window: "6.5s" }, `must be specified with at most second precision: ${prefix}window`],
    [{ window: "60" }, `invalid value: 60: ${prefix}window`],
    [{ "scale-down-delay": "-1s" }, `expected 0s <= -1s <= 1h0m0s: ${prefix}scale-down-delay`],
    [{ "scale-down-delay": "1500ms" }, `must be specified with at most second precision: ${prefix}scale-down-delay`],
    [
      { "scale-to-zero-pod-retention-period": "2h" },
      `expected 0s <= 2h <= 1h0m0s: ${prefix}scale-to-zero-pod-retention-period`,
    ],
    [{ "scale-to-zero-pod-retention-period": "1500ms" }, ""],
    [{ metric: "cpu" }, `invalid value: cpu: ${prefix}metric`],
    [{ metric: "rps" }, ""],
    [{ metric: "cpu", class: hpa }, ""],
    [{ metric: "", class: hpa }, `invalid value: : ${prefix}metric`],
    [
      { "metric-aggregation-algorithm": "median", class: kpa },
      `invalid value: median: ${prefix}metric-aggregation-algorithm`,
    ],
    [{ metricAggregationAlgorithm: "weightedExponential", class: kpa }, ""],
    [{ "metric-aggregation-algorithm": "median" }, ""],
    [{ "initial-scale": "-1" }, `invalid value: -1: ${prefix}initial-scale must be greater than 0`],
    [{ "initial-scale": "0" }, `invalid value: 0: ${prefix}initial-scale=0 not allowed by cluster`],
    [{ initialScale: "1.5" }, `invalid value: 1.5: ${prefix}initialScale`],
  ];
  test.each(rows)("%j", (annotations, want) => {
    expect(textFor(annotations)).toBe(want);
  });

  test("depend on the cluster's limits", () => {
    expect(textFor({ "initial-scale": "0" }, { "allow-zero-initial-scale": "true" })).toBe("");
    const limited = { "max-scale-limit": "10", "max-scale": "10" };
    expect(textFor({ "max-scale": "11" }, limited)).toBe(`expected 1 <= 11 <= 10: ${prefix}max-scale`);
    expect(textFor({ "max-scale": "0" }, limited)).toBe(
      `max-scale=0 (unlimited), must be less than 10: ${prefix}max-scale`,
    );
    expect(textFor({}, limited)).toBe("");
  });

  test("all have the prefix", () => {
    expect(
      Object.values(autoscalingAnnotations)
        .flat()
        .every((key) => key.startsWith(prefix)),
    ).toBe(true);
  });
});

describe("PodAutoscaler", () => {
  const scaleTargetRef = { apiVersion: "apps/v1", kind: "Deployment", name: "hello-deployment" };
  const rows: [PodAutoscalerSpec, string][] = [
    [{}, "missing field(s): spec"],
    [{ scaleTargetRef, protocolType: "h2c" }, ""],
    [{ scaleTargetRef }, "missing field(s): spec.protocolType"],
    [{ scaleTargetRef, protocolType: "http2" }, "invalid value: http2: spec.protocolType"],
    [
      { protocolType: "http1", scaleTargetRef: { kind: "Deployment" } },
      "missing field(s): spec.scaleTargetRef.apiVersion, spec.scaleTargetRef.name",
    ],
    [
      { scaleTargetRef, protocolType: "http1", containerConcurrency: -1 },
      "expected 0 <= -1 <= 1000: spec.containerConcurrency",
    ],
  ];
  test.each(rows)("%j", (spec, want) => {
    const object: PodAutoscaler = { metadata: { name: "hello-00001", namespace: "default" }, spec };
    const context = { config: parseServingConfig() };
    defaultPodAutoscaler(object, context);
    expect(fieldErrorText(validatePodAutoscaler(object, context))).toBe(want);
  });
});
