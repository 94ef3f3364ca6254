import { conditionSet, statusProperties } from "../../meta/conditions.ts";
import { readyColumns, type CustomKind } from "../../meta/custom-kind.ts";
import type { KubeObject } from "../../meta/object-meta.ts";
import { described, StringEnum, Type, type Static } from "../../meta/schema.ts";

/** Names an object whose number of pods can be set. */
export const ScaleTargetReference = Type.Object({
  apiVersion: Type.Optional(Type.String({ description: "Such as apps/v1." })),
  kind: Type.Optional(Type.String({ description: "Such as Deployment." })),
  name: Type.Optional(Type.String({ description: "Its name, in the same namespace." })),
});
export type ScaleTargetReference = Static<typeof ScaleTargetReference>;

/** Whether any Route sends requests to the revision; unreachable ones lose their minimum scale. "" is not known yet. */
export const Reachability = StringEnum(["", "Reachable", "Unreachable"], {
  description: "Whether any Route sends requests here. Empty while that is not known.",
});
export type Reachability = Static<typeof Reachability>;

/** What to scale. How to scale it is in the annotations autoscaling.knative.dev/*. */
export const PodAutoscalerSpec = Type.Object({
  containerConcurrency: Type.Optional(
    Type.Integer({
      format: "int64",
      description: "The most requests a pod handles at the same time; 0 means no limit.",
    }),
  ),
  scaleTargetRef: Type.Optional(described(ScaleTargetReference, "What to scale.")),
  reachability: Type.Optional(Reachability),
  protocolType: Type.Optional(Type.String({ description: "http1 or h2c." })),
});
export type PodAutoscalerSpec = Static<typeof PodAutoscalerSpec>;

/** What the autoscaler wants and sees. */
export const PodAutoscalerStatus = Type.Object({
  ...statusProperties,
  desiredScale: Type.Optional(Type.Integer({ format: "int32", description: "Pods wanted; -1 while not known yet." })),
  actualScale: Type.Optional(Type.Integer({ format: "int32", description: "Pods that are ready." })),
});
export type PodAutoscalerStatus = Static<typeof PodAutoscalerStatus>;

/** Scales the pods of one Revision. */
export interface PodAutoscaler extends KubeObject {
  spec: PodAutoscalerSpec;
  status?: PodAutoscalerStatus;
}

/** Names of a PodAutoscaler's conditions. */
export const podAutoscalerConditions = {
  active: "Active",
  scaleTargetInitialized: "ScaleTargetInitialized",
} as const;

/** The PodAutoscaler kind. */
export const PodAutoscaler: CustomKind<PodAutoscaler> = {
  group: "autoscaling.internal.knative.dev",
  version: "v1alpha1",
  kind: "PodAutoscaler",
  plural: "podautoscalers",
  singular: "podautoscaler",
  namespaced: true,
  shortNames: ["kpa", "pa"],
  categories: ["knative-internal", "autoscaling"],
  description:
    "PodAutoscaler scales the pods of one Revision with its load. Made by the Revision; not for users to write.",
  spec: PodAutoscalerSpec,
  status: PodAutoscalerStatus,
  printerColumns: [
    { name: "DesiredScale", type: "integer", jsonPath: ".status.desiredScale" },
    { name: "ActualScale", type: "integer", jsonPath: ".status.actualScale" },
    ...readyColumns,
  ],
  labels: { "knative.dev/crd-install": "true", "app.kubernetes.io/name": "knative-serving" },
  conditions: conditionSet(Object.values(podAutoscalerConditions)),
};
