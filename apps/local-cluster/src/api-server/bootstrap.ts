import { randomUUID } from "node:crypto";
import type { ApiObject, JsonObject } from "./api-object.ts";
import { equalJson } from "./api-object.ts";
import { defaultRoles, isKeptByUser } from "./authorization/default-roles.ts";
import { rbacTypes } from "./authorization/role-index.ts";
import { timestampOf } from "./registry/metadata.ts";
import type { Registry } from "./registry/request.ts";
import { kubernetesServiceAddress } from "./strategies/service.ts";

// What every cluster has before anybody asks: the system namespaces, the default roles and the Service of the API server itself.

const systemNamespaces = ["default", "kube-system", "kube-public", "kube-node-lease"];

/** Makes what is missing, and brings the API server's endpoint up to date. */
export function bootstrapObjects(registry: Registry, endpoint: { address: string; port: number } | undefined): void {
  for (const name of systemNamespaces) {
    ensure(registry, "/namespaces", {
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name, labels: { "kubernetes.io/metadata.name": name } },
      spec: { finalizers: ["kubernetes"] },
      status: { phase: "Active" },
    });
  }
  for (const object of defaultRoles) ensureRole(registry, object);
  ensure(registry, "/services", kubernetesService(endpoint?.port ?? 443));
  if (endpoint !== undefined) ensureEndpoint(registry, endpoint);
}

function ensureRole(registry: Registry, wanted: ApiObject): void {
  const type = wanted.kind === "ClusterRole" ? rbacTypes.clusterRole : rbacTypes.clusterRoleBinding;
  const existing = registry.store.get({ type, namespace: "", name: wanted.metadata.name ?? "" });
  if (existing !== undefined && isKeptByUser(existing)) return;
  // What an aggregated role has gathered is not ours to take away.
  const isGathered = existing !== undefined && wanted["aggregationRule"] !== undefined;
  ensure(registry, type, isGathered ? { ...wanted, rules: existing["rules"] } : wanted);
}

function kubernetesService(targetPort: number): ApiObject {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: {
      name: "kubernetes",
      namespace: "default",
      labels: { component: "apiserver", provider: "kubernetes" },
    },
    spec: {
      clusterIP: kubernetesServiceAddress,
      clusterIPs: [kubernetesServiceAddress],
      internalTrafficPolicy: "Cluster",
      ipFamilies: ["IPv4"],
      ipFamilyPolicy: "SingleStack",
      ports: [{ name: "https", port: 443, protocol: "TCP", targetPort }],
      sessionAffinity: "None",
      type: "ClusterIP",
    },
    status: { loadBalancer: {} },
  };
}

function ensureEndpoint(registry: Registry, { address, port }: { address: string; port: number }): void {
  const metadata = { name: "kubernetes", namespace: "default" };
  ensure(registry, "/endpoints", {
    apiVersion: "v1",
    kind: "Endpoints",
    metadata: { ...metadata, labels: { "endpointslice.kubernetes.io/skip-mirror": "true" } },
    subsets: [{ addresses: [{ ip: address }], ports: [{ name: "https", port, protocol: "TCP" }] }],
  });
  ensure(registry, "discovery.k8s.io/endpointslices", {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { ...metadata, labels: { "kubernetes.io/service-name": "kubernetes" } },
    addressType: "IPv4",
    endpoints: [{ addresses: [address], conditions: { ready: true } }],
    ports: [{ name: "https", port, protocol: "TCP" }],
  });
}

function ensure({ store, now }: Registry, type: string, wanted: ApiObject): void {
  const { name = "", namespace = "" } = wanted.metadata;
  const key = { type, namespace, name };
  const existing = store.get(key);
  if (existing !== undefined && type === "/namespaces") return;
  if (existing !== undefined && equalJson(contentOf(existing), contentOf(wanted))) return;
  const metadata = existing?.metadata ?? { uid: randomUUID(), creationTimestamp: timestampOf(now()) };
  store.put(key, { ...wanted, metadata: { ...metadata, ...wanted.metadata } });
}

function contentOf(object: ApiObject): JsonObject {
  return { ...object, metadata: undefined };
}
