import { conditionSet, statusProperties } from "../../meta/conditions.ts";
import { readyColumns, type CustomKind } from "../../meta/custom-kind.ts";
import type { KubeObject } from "../../meta/object-meta.ts";
import { Type, type Static } from "../../meta/schema.ts";
import { servingGroup } from "./labels.ts";

const trafficTargetProperties = {
  tag: Type.Optional(
    Type.String({
      description: "Gives this target a URL of its own, whose name begins with the tag; it gets one even at 0 percent.",
    }),
  ),
  revisionName: Type.Optional(Type.String({ description: "The Revision to send to. Excludes latestRevision." })),
  latestRevision: Type.Optional(
    Type.Boolean({
      description:
        "Sends to the newest ready Revision, also when that changes. Default: true when revisionName is not set.",
    }),
  ),
  percent: Type.Optional(
    Type.Integer({
      format: "int64",
      description: "Share of the requests, 0 to 100. The shares of all targets make 100.",
    }),
  ),
  url: Type.Optional(Type.String({ description: "The URL of the tag. Only ever set in status." })),
};

/** One share of a Service's traffic. */
export const TrafficTarget = Type.Object({
  ...trafficTargetProperties,
  configurationName: Type.Optional(
    Type.String({
      description:
        "The Configuration whose newest ready Revision to send to. Only in a Route of its own; a Service has but one.",
    }),
  ),
});
export type TrafficTarget = Static<typeof TrafficTarget>;

/** How requests are divided over Revisions. */
export const RouteSpec = Type.Object({
  traffic: Type.Optional(
    Type.Array(TrafficTarget, {
      description: "How requests are divided over Revisions. Default: all to the latest ready one.",
    }),
  ),
});
export type RouteSpec = Static<typeof RouteSpec>;

/** Where something can be called. */
export const Address = Type.Object(
  { url: Type.Optional(Type.String({ description: "The URL inside the cluster." })) },
  { description: "Where others in the cluster reach it." },
);
export type Address = Static<typeof Address>;

/** The fields that Service and Route report alike. */
export const routeStatusProperties = {
  url: Type.Optional(Type.String({ description: "The URL to call." })),
  address: Type.Optional(Address),
  traffic: Type.Optional(
    Type.Array(TrafficTarget, { description: "How traffic is divided now, with the Revision behind each target." }),
  ),
} as const;

/** What is observed of a Route. */
export const RouteStatus = Type.Object({
  ...statusProperties,
  ...routeStatusProperties,
});
export type RouteStatus = Static<typeof RouteStatus>;

/** Gives a set of Revisions a stable URL. */
export interface Route extends KubeObject {
  spec: RouteSpec;
  status?: RouteStatus;
}

/** Names of a Route's conditions. */
export const routeConditions = {
  allTrafficAssigned: "AllTrafficAssigned",
  ingressReady: "IngressReady",
  certificateProvisioned: "CertificateProvisioned",
} as const;

/** The Route kind. */
export const Route: CustomKind<Route> = {
  group: servingGroup,
  version: "v1",
  kind: "Route",
  plural: "routes",
  singular: "route",
  namespaced: true,
  shortNames: ["rt"],
  categories: ["all", "knative", "serving"],
  description:
    "Route gives Revisions a stable URL and divides the requests among them. Most users write a Service, which makes one.",
  spec: RouteSpec,
  status: RouteStatus,
  printerColumns: [{ name: "URL", type: "string", jsonPath: ".status.url" }, ...readyColumns],
  labels: {
    "knative.dev/crd-install": "true",
    "app.kubernetes.io/name": "knative-serving",
    "duck.knative.dev/addressable": "true",
  },
  conditions: conditionSet(Object.values(routeConditions)),
};
