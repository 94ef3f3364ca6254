import { conditionSet, statusProperties } from "../../meta/conditions.ts";
import { readyColumns, type CustomKind } from "../../meta/custom-kind.ts";
import type { KubeObject, ObjectMeta } from "../../meta/object-meta.ts";
import { Preserved, Type, MapOf, type Static } from "../../meta/schema.ts";
import { labels, servingGroup } from "./labels.ts";
import { podSpecProperties } from "./pod-spec.types.ts";

const seconds = (description: string) => Type.Optional(Type.Integer({ format: "int64", description }));

/** What a Revision runs and how requests reach it. */
export const RevisionSpec = Type.Object(
  {
    containerConcurrency: Type.Optional(
      Type.Integer({
        format: "int64",
        description:
          "The most requests that one container handles at the same time; further ones wait. 0 means no limit. Default 0.",
      }),
    ),
    timeoutSeconds: seconds("How long a request may take in all before it is answered with 504. Default 300."),
    responseStartTimeoutSeconds: seconds(
      "How long a request may take until the first byte of its response. Default: no limit of its own.",
    ),
    idleTimeoutSeconds: seconds("How long a request may go without a byte in either direction. Default: no limit."),
    ...podSpecProperties,
  },
  { description: "The container and how it is called." },
);
export type RevisionSpec = Static<typeof RevisionSpec>;

/** The metadata that a template gives to its Revisions. */
export const TemplateMeta = Preserved<ObjectMeta>(
  {
    description:
      "Labels and annotations for the Revision and its pods, among them the autoscaling.knative.dev/* annotations. " +
      "A name, if given, must start with the Service's name and a dash.",
  },
  {
    name: Type.String({ description: "Name of the next Revision; change it with every change of the template." }),
    labels: MapOf(Type.String(), { description: "Labels of the Revision and its pods." }),
    annotations: MapOf(Type.String(), {
      description: "Annotations of the Revision, such as autoscaling.knative.dev/min-scale.",
    }),
  },
);

/** The mould of Revisions: each change of it makes a new one. */
export const RevisionTemplate = Type.Object(
  { metadata: Type.Optional(TemplateMeta), spec: Type.Optional(RevisionSpec) },
  { description: "The mould of Revisions: each change of it makes a new Revision." },
);
export type RevisionTemplate = Static<typeof RevisionTemplate>;

/** A container's image, fixed by digest. */
export const ContainerStatus = Type.Object({
  name: Type.Optional(Type.String({ description: "Name of the container." })),
  imageDigest: Type.Optional(
    Type.String({ description: "The image with the digest that its tag stood for when the Revision was made." }),
  ),
});
export type ContainerStatus = Static<typeof ContainerStatus>;

/** What is observed of a Revision. */
export const RevisionStatus = Type.Object({
  ...statusProperties,
  logUrl: Type.Optional(Type.String({ description: "Where the logs of this Revision are." })),
  containerStatuses: Type.Optional(Type.Array(ContainerStatus, { description: "The images of the containers." })),
  initContainerStatuses: Type.Optional(
    Type.Array(ContainerStatus, { description: "The images of the init containers." }),
  ),
  actualReplicas: Type.Optional(Type.Integer({ format: "int32", description: "Pods that run and are ready." })),
  desiredReplicas: Type.Optional(Type.Integer({ format: "int32", description: "Pods that the autoscaler wants." })),
});
export type RevisionStatus = Static<typeof RevisionStatus>;

/** An immutable snapshot of code and configuration. */
export interface Revision extends KubeObject {
  spec: RevisionSpec;
  status?: RevisionStatus;
}

/** Names of a Revision's conditions. */
export const revisionConditions = {
  resourcesAvailable: "ResourcesAvailable",
  containerHealthy: "ContainerHealthy",
  /** Informational: whether the Revision has pods. A Revision at zero stays Ready. */
  active: "Active",
} as const;

/** The Revision kind. */
export const Revision: CustomKind<Revision> = {
  group: servingGroup,
  version: "v1",
  kind: "Revision",
  plural: "revisions",
  singular: "revision",
  namespaced: true,
  shortNames: ["rev"],
  categories: ["all", "knative", "serving"],
  description:
    "Revision is an immutable snapshot of code and configuration. It is made by a Configuration for each change of its " +
    "template, and scales with the requests it gets, to zero and back.",
  spec: RevisionSpec,
  status: RevisionStatus,
  printerColumns: [
    { name: "Config Name", type: "string", jsonPath: `.metadata.labels['${jsonPathKey(labels.configuration)}']` },
    {
      name: "Generation",
      type: "string",
      jsonPath: `.metadata.labels['${jsonPathKey(labels.configurationGeneration)}']`,
    },
    ...readyColumns,
    { name: "Actual Replicas", type: "integer", jsonPath: ".status.actualReplicas" },
    { name: "Desired Replicas", type: "integer", jsonPath: ".status.desiredReplicas" },
  ],
  labels: { "knative.dev/crd-install": "true", "app.kubernetes.io/name": "knative-serving" },
  conditions: conditionSet([revisionConditions.resourcesAvailable, revisionConditions.containerHealthy]),
};

// Dots in a key must be escaped in kubectl's JSONPath.
function jsonPathKey(key: string): string {
  return key.replaceAll(".", "\\.");
}
