import { conditionSet } from "../../meta/conditions.ts";
import type { CustomKind } from "../../meta/custom-kind.ts";
import type { KubeObject } from "../../meta/object-meta.ts";
import { Type, type Static } from "../../meta/schema.ts";
import { buildGroup } from "./labels.ts";
import { BuildVolume, Step } from "./step.types.ts";

/** Something that a Build must or may say. */
export const ParameterSpec = Type.Object({
  name: Type.String({ description: "Its name: ${NAME} in the template stands for its value." }),
  description: Type.Optional(Type.String({ description: "What it is for." })),
  default: Type.Optional(
    Type.String({
      description: "Its value when the Build gives none. Absent: the Build must; empty: the value is empty.",
    }),
  ),
});
export type ParameterSpec = Static<typeof ParameterSpec>;

/** What a template says: steps with holes in them. */
export const BuildTemplateSpec = Type.Object({
  generation: Type.Optional(Type.Integer({ format: "int64", description: "Ignored: metadata.generation counts." })),
  parameters: Type.Optional(Type.Array(ParameterSpec, { description: "What a Build fills in." })),
  steps: Type.Optional(Type.Array(Step, { description: "What to run, in this order, each to its end." })),
  volumes: Type.Optional(
    Type.Array(BuildVolume, { description: "Volumes that the steps mount, after the Build's own." }),
  ),
  image: Type.Optional(
    Type.String({
      description: "The image that it pushes, such as ${IMAGE}. Default: the parameter IMAGE, if there is one.",
    }),
  ),
});
export type BuildTemplateSpec = Static<typeof BuildTemplateSpec>;

/** Steps that Builds of its namespace can use. */
export interface BuildTemplate extends KubeObject {
  spec: BuildTemplateSpec;
}

/** Steps that Builds of every namespace can use. */
export interface ClusterBuildTemplate extends KubeObject {
  spec: BuildTemplateSpec;
}

const templateKind = {
  group: buildGroup,
  version: "v1alpha1",
  shortNames: [],
  categories: ["all", "knative"],
  spec: BuildTemplateSpec,
  // There is nothing to observe; the subresource is there so that metadata.generation counts changes of the spec.
  status: Type.Object({}),
  printerColumns: [{ name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" }],
  labels: { "knative.dev/crd-install": "true", "app.kubernetes.io/name": "knative-build" },
  conditions: conditionSet([]),
} as const;

/** The BuildTemplate kind. */
export const BuildTemplate: CustomKind<BuildTemplate> = {
  ...templateKind,
  kind: "BuildTemplate",
  plural: "buildtemplates",
  singular: "buildtemplate",
  namespaced: true,
  description: "BuildTemplate is a list of steps with parameters, for the Builds of its namespace.",
};

/** The ClusterBuildTemplate kind. */
export const ClusterBuildTemplate: CustomKind<ClusterBuildTemplate> = {
  ...templateKind,
  kind: "ClusterBuildTemplate",
  plural: "clusterbuildtemplates",
  singular: "clusterbuildtemplate",
  namespaced: false,
  description: "ClusterBuildTemplate is a list of steps with parameters, for the Builds of every namespace.",
};
