import { conditionSet, statusProperties } from "../../meta/conditions.ts";
import { readyColumns, type CustomKind } from "../../meta/custom-kind.ts";
import type { KubeObject } from "../../meta/object-meta.ts";
import { described, IntOrString, MapOf, Type, StringEnum, type Static } from "../../meta/schema.ts";

const text = (description: string) => Type.Optional(Type.String({ description }));

/** One backend's share of the requests. */
export const IngressSplit = Type.Object({
  serviceNamespace: text("Namespace of the Service; the Ingress's own."),
  serviceName: text("The Service, or the Revision when appendHeaders name one."),
  servicePort: Type.Optional(IntOrString({ description: "Port of the Service." })),
  percent: Type.Optional(Type.Integer({ description: "Share of the requests, 0 to 100." })),
  appendHeaders: Type.Optional(MapOf(Type.String(), { description: "Headers added on the way to this backend." })),
});
export type IngressSplit = Static<typeof IngressSplit>;

/** One path of a rule, with the backends behind it. */
export const IngressPath = Type.Object({
  path: text("The beginning of the request's path. Default: any."),
  rewriteHost: text("The Host header that the backend sees."),
  headers: Type.Optional(
    MapOf(Type.Object({ exact: text("The value it must have.") }), {
      description: "Headers that the request must carry.",
    }),
  ),
  appendHeaders: Type.Optional(MapOf(Type.String(), { description: "Headers added whatever the backend." })),
  splits: Type.Optional(Type.Array(IngressSplit, { description: "The backends; their shares make 100." })),
});
export type IngressPath = Static<typeof IngressPath>;

/** The rules for some hosts. */
export const IngressRule = Type.Object({
  hosts: Type.Optional(Type.Array(Type.String(), { description: "Exact host names." })),
  visibility: Type.Optional(
    StringEnum(["", "ExternalIP", "ClusterLocal"], { description: "Who can reach it. Default ExternalIP: everybody." }),
  ),
  http: Type.Optional(
    Type.Object(
      { paths: Type.Optional(Type.Array(IngressPath, { description: "Tried longest first." })) },
      { description: "Where the requests go." },
    ),
  ),
});
export type IngressRule = Static<typeof IngressRule>;

/** A certificate for some hosts. */
export const IngressTLS = Type.Object({
  hosts: Type.Optional(Type.Array(Type.String(), { description: "Host names it is for." })),
  secretName: text("The Secret with tls.crt and tls.key."),
  secretNamespace: text("Its namespace."),
});
export type IngressTLS = Static<typeof IngressTLS>;

/** What a Route asks of the data plane. */
export const IngressSpec = Type.Object({
  httpOption: Type.Optional(Type.String({ description: "Enabled serves plain HTTP; Redirected sends it to HTTPS." })),
  rules: Type.Optional(Type.Array(IngressRule, { description: "Which hosts and paths go where." })),
  tls: Type.Optional(Type.Array(IngressTLS, { description: "Certificates." })),
});
export type IngressSpec = Static<typeof IngressSpec>;

/** One way to reach the data plane. */
export const LoadBalancerIngress = Type.Object({
  ip: text("Its address."),
  domain: text("Its public name."),
  domainInternal: text("Its name inside the cluster."),
  meshOnly: Type.Optional(Type.Boolean({ description: "Whether it is reachable through a mesh only." })),
});
export type LoadBalancerIngress = Static<typeof LoadBalancerIngress>;

/** The ways to reach the data plane. */
export const LoadBalancerStatus = Type.Object({
  ingress: Type.Optional(Type.Array(LoadBalancerIngress, { description: "The ways to reach it." })),
});
export type LoadBalancerStatus = Static<typeof LoadBalancerStatus>;

/** Whether the data plane serves the rules. */
export const IngressStatus = Type.Object({
  ...statusProperties,
  publicLoadBalancer: Type.Optional(described(LoadBalancerStatus, "How it is reached from outside.")),
  privateLoadBalancer: Type.Optional(described(LoadBalancerStatus, "How it is reached inside the cluster.")),
});
export type IngressStatus = Static<typeof IngressStatus>;

/** What the data plane has to serve for one Route. */
export interface Ingress extends KubeObject {
  spec: IngressSpec;
  status?: IngressStatus;
}

/** Names of an Ingress's conditions. */
export const ingressConditions = {
  networkConfigured: "NetworkConfigured",
  loadBalancerReady: "LoadBalancerReady",
} as const;

/** The Ingress kind (Knative's own, not networking.k8s.io). */
export const Ingress: CustomKind<Ingress> = {
  group: "networking.internal.knative.dev",
  version: "v1alpha1",
  kind: "Ingress",
  plural: "ingresses",
  singular: "ingress",
  namespaced: true,
  shortNames: ["kingress", "king"],
  categories: ["knative-internal", "networking"],
  description:
    "Ingress tells the data plane which hosts and paths go to which Revisions. Made by a Route; not for users to write.",
  spec: IngressSpec,
  status: IngressStatus,
  printerColumns: [...readyColumns],
  labels: { "knative.dev/crd-install": "true", "app.kubernetes.io/name": "knative-serving" },
  conditions: conditionSet(Object.values(ingressConditions)),
};
