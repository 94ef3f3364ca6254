import { conditionSet, statusProperties } from "../../meta/conditions.ts";
import { readyColumns, type CustomKind, type PrinterColumn } from "../../meta/custom-kind.ts";
import type { KubeObject } from "../../meta/object-meta.ts";
import { Preserved, Type, type Static } from "../../meta/schema.ts";
import { servingGroup } from "./labels.ts";
import { RevisionTemplate } from "./revision.types.ts";

/** The wanted state of a Configuration: the template of its next Revision. */
export const ConfigurationSpec = Type.Object({
  template: Type.Optional(RevisionTemplate),
  /** In the schema only so that it reaches admission, which explains what to do instead. */
  build: Type.Optional(Preserved({ description: "Refused: see the annotation build.knative.dev/buildRef." })),
});
export type ConfigurationSpec = Static<typeof ConfigurationSpec>;

/** The two fields that Service and Configuration report alike. */
export const configurationStatusProperties = {
  latestCreatedRevisionName: Type.Optional(
    Type.String({ description: "The last Revision made from the template; it may not be ready yet." }),
  ),
  latestReadyRevisionName: Type.Optional(
    Type.String({ description: "The newest Revision that became ready; latestRevision traffic goes to it." }),
  ),
} as const;

/** The columns that show them. */
export const configurationColumns: readonly PrinterColumn[] = [
  { name: "LatestCreated", type: "string", jsonPath: ".status.latestCreatedRevisionName" },
  { name: "LatestReady", type: "string", jsonPath: ".status.latestReadyRevisionName" },
];

/** What is observed of a Configuration. */
export const ConfigurationStatus = Type.Object({
  ...statusProperties,
  ...configurationStatusProperties,
});
export type ConfigurationStatus = Static<typeof ConfigurationStatus>;

/** Stamps a Revision for each change of its template. */
export interface Configuration extends KubeObject {
  spec: ConfigurationSpec;
  status?: ConfigurationStatus;
}

/** The Configuration kind. */
export const Configuration: CustomKind<Configuration> = {
  group: servingGroup,
  version: "v1",
  kind: "Configuration",
  plural: "configurations",
  singular: "configuration",
  namespaced: true,
  shortNames: ["config", "cfg"],
  categories: ["all", "knative", "serving"],
  description:
    "Configuration holds the latest wanted state of an application and makes a Revision for each change of it. " +
    "Most users write a Service, which makes one.",
  spec: ConfigurationSpec,
  status: ConfigurationStatus,
  printerColumns: [...configurationColumns, ...readyColumns],
  labels: {
    "knative.dev/crd-install": "true",
    "app.kubernetes.io/name": "knative-serving",
    "duck.knative.dev/podspecable": "true",
  },
  conditions: conditionSet([]),
};
