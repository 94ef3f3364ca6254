import type { Kind } from "@kelvin/kube";

const rbac = "rbac.authorization.k8s.io";
const admission = "admissionregistration.k8s.io";

/** Group, kind, plural, and whether objects live in namespaces. */
const rows: readonly (readonly [group: string, kind: string, plural: string, namespaced: boolean])[] = [
  ["", "ConfigMap", "configmaps", true],
  ["", "Endpoints", "endpoints", true],
  ["", "Event", "events", true],
  ["", "Namespace", "namespaces", false],
  ["", "Node", "nodes", false],
  ["", "Pod", "pods", true],
  ["", "Secret", "secrets", true],
  ["", "Service", "services", true],
  ["", "ServiceAccount", "serviceaccounts", true],
  [admission, "MutatingWebhookConfiguration", "mutatingwebhookconfigurations", false],
  [admission, "ValidatingWebhookConfiguration", "validatingwebhookconfigurations", false],
  ["apiextensions.k8s.io", "CustomResourceDefinition", "customresourcedefinitions", false],
  ["apps", "Deployment", "deployments", true],
  ["apps", "ReplicaSet", "replicasets", true],
  ["coordination.k8s.io", "Lease", "leases", true],
  ["discovery.k8s.io", "EndpointSlice", "endpointslices", true],
  [rbac, "ClusterRole", "clusterroles", false],
  [rbac, "ClusterRoleBinding", "clusterrolebindings", false],
  [rbac, "Role", "roles", true],
  [rbac, "RoleBinding", "rolebindings", true],
];

/** The kinds that every cluster of ours serves. Used where the API server's own table is not at hand, as in tests. */
export const builtInKinds: readonly Kind[] = rows.map(([group, kind, plural, namespaced]) => ({
  group,
  version: "v1",
  kind,
  plural,
  namespaced,
}));
