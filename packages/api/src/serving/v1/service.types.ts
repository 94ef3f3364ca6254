import { conditionSet, statusProperties } from "../../meta/conditions.ts";
import { readyColumns, type CustomKind } from "../../meta/custom-kind.ts";
import type { KubeObject } from "../../meta/object-meta.ts";
import { Type, type Static } from "../../meta/schema.ts";
import { configurationColumns, configurationStatusProperties } from "./configuration.types.ts";
import { servingGroup } from "./labels.ts";
import { RevisionTemplate } from "./revision.types.ts";
import { routeStatusProperties, TrafficTarget } from "./route.types.ts";

/** The wanted state of a Service: what to run and how to divide its traffic. */
export const ServiceSpec = Type.Object(
  {
    template: Type.Optional(RevisionTemplate),
    traffic: Type.Optional(
      Type.Array(TrafficTarget, {
        description: "How requests are divided over Revisions. Default: all to the latest ready one.",
      }),
    ),
  },
  { description: "What to run, and how to divide requests over the Revisions that follow from it." },
);
export type ServiceSpec = Static<typeof ServiceSpec>;

/** What is observed of a Service. */
export const ServiceStatus = Type.Object({
  ...statusProperties,
  ...configurationStatusProperties,
  ...routeStatusProperties,
});
export type ServiceStatus = Static<typeof ServiceStatus>;

/** An application: a Configuration and a Route of the same name, in one object. */
export interface Service extends KubeObject {
  spec: ServiceSpec;
  status?: ServiceStatus;
}

/** Names of a Service's conditions. */
export const serviceConditions = {
  configurationsReady: "ConfigurationsReady",
  routesReady: "RoutesReady",
} as const;

/** The Service kind. */
export const Service: CustomKind<Service> = {
  group: servingGroup,
  version: "v1",
  kind: "Service",
  plural: "services",
  singular: "service",
  namespaced: true,
  shortNames: ["kservice", "ksvc"],
  categories: ["all", "knative", "serving"],
  description:
    "Service is an application that serves requests: it has a URL, makes an immutable Revision for each change of its " +
    "template, divides traffic over Revisions, and scales each with its load, to zero and back.",
  spec: ServiceSpec,
  status: ServiceStatus,
  printerColumns: [{ name: "URL", type: "string", jsonPath: ".status.url" }, ...configurationColumns, ...readyColumns],
  labels: {
    "knative.dev/crd-install": "true",
    "app.kubernetes.io/name": "knative-serving",
    "duck.knative.dev/addressable": "true",
    "duck.knative.dev/podspecable": "true",
  },
  conditions: conditionSet(Object.values(serviceConditions)),
};
