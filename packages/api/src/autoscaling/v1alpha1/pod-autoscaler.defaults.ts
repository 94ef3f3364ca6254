import { specErrors } from "../../meta/schema-check.ts";
import type { AdmissionContext } from "../../serving/v1/context.ts";
import { autoscalerClasses, autoscalingAnnotations, scalingMetrics } from "./annotations.ts";
import { PodAutoscaler } from "./pod-autoscaler.types.ts";

const [classKey] = autoscalingAnnotations.class;
const [metricKey] = autoscalingAnnotations.metric;

const defaultMetrics: Readonly<Record<string, string>> = {
  [autoscalerClasses.kpa]: scalingMetrics.concurrency,
  [autoscalerClasses.hpa]: scalingMetrics.cpu,
};

/** Fills in class and metric. Changes the object given; give it a copy. */
export function defaultPodAutoscaler(podAutoscaler: PodAutoscaler, { config }: AdmissionContext<PodAutoscaler>): void {
  // The API server has not looked at its shape yet, and will say what is wrong with it better than a stack trace.
  if (specErrors(PodAutoscaler, podAutoscaler).length > 0) return;
  podAutoscaler.spec ??= {};
  const annotations = (podAutoscaler.metadata.annotations ??= {});
  const autoscalerClass = (annotations[classKey] ??= config.autoscaler.podAutoscalerClass);
  const metric = defaultMetrics[autoscalerClass];
  if (metric !== undefined) annotations[metricKey] ??= metric;
}
