import type { ApiObject, JsonObject } from "../api-object.ts";
import { rbacGroup } from "./role-index.ts";

// The roles and bindings every cluster has from the start, as upstream names them, for the kinds that are served here.

const autoUpdate = "rbac.authorization.kubernetes.io/autoupdate";

const read = ["get", "list", "watch"];
const write = ["create", "delete", "deletecollection", "patch", "update"];

const core = { apiGroups: [""] };
const objectsOfUsers = [
  "configmaps",
  "endpoints",
  "events",
  "pods",
  "replicationcontrollers",
  "serviceaccounts",
  "services",
];
const workloads = ["deployments", "deployments/scale", "replicasets", "replicasets/scale"];

const viewRules: readonly JsonObject[] = [
  { ...core, resources: [...objectsOfUsers, "pods/log", "pods/status", "services/status"], verbs: read },
  { ...core, resources: ["namespaces", "namespaces/status"], verbs: read },
  { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: read },
  { apiGroups: ["apps"], resources: [...workloads, "deployments/status", "replicasets/status"], verbs: read },
  { apiGroups: ["batch"], resources: ["jobs", "jobs/status"], verbs: read },
  {
    apiGroups: ["autoscaling"],
    resources: ["horizontalpodautoscalers", "horizontalpodautoscalers/status"],
    verbs: read,
  },
  { apiGroups: ["policy"], resources: ["poddisruptionbudgets", "poddisruptionbudgets/status"], verbs: read },
  { apiGroups: ["networking.k8s.io"], resources: ["networkpolicies"], verbs: read },
];

const editRules: readonly JsonObject[] = [
  { ...core, resources: ["pods/attach", "pods/exec", "pods/portforward", "secrets"], verbs: read },
  { ...core, resources: ["serviceaccounts"], verbs: ["impersonate"] },
  { ...core, resources: ["pods", "pods/attach", "pods/exec", "pods/portforward"], verbs: write },
  { ...core, resources: ["pods/eviction"], verbs: ["create"] },
  { ...core, resources: ["configmaps", "events", "secrets", "serviceaccounts", "services"], verbs: write },
  { ...core, resources: ["serviceaccounts/token"], verbs: ["create"] },
  { apiGroups: ["apps"], resources: [...workloads, "deployments/rollback"], verbs: write },
  { apiGroups: ["batch"], resources: ["jobs"], verbs: write },
  { apiGroups: ["autoscaling"], resources: ["horizontalpodautoscalers"], verbs: write },
  { apiGroups: ["policy"], resources: ["poddisruptionbudgets"], verbs: write },
  { apiGroups: ["networking.k8s.io"], resources: ["networkpolicies"], verbs: write },
  { apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs: [...read, ...write] },
];

const adminRules: readonly JsonObject[] = [
  { apiGroups: ["authorization.k8s.io"], resources: ["localsubjectaccessreviews"], verbs: ["create"] },
  { apiGroups: [rbacGroup], resources: ["rolebindings", "roles"], verbs: [...read, ...write] },
];

const discoveryPaths = [
  "/api",
  "/api/*",
  "/apis",
  "/apis/*",
  "/healthz",
  "/livez",
  "/openapi",
  "/openapi/*",
  "/readyz",
  "/version",
  "/version/",
];
const publicPaths = ["/healthz", "/livez", "/readyz", "/version", "/version/"];

const selfReviewRules: readonly JsonObject[] = [
  {
    apiGroups: ["authorization.k8s.io"],
    resources: ["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
    verbs: ["create"],
  },
  { apiGroups: ["authentication.k8s.io"], resources: ["selfsubjectreviews"], verbs: ["create"] },
];

const delegatorRules: readonly JsonObject[] = [
  { apiGroups: ["authentication.k8s.io"], resources: ["tokenreviews"], verbs: ["create"] },
  { apiGroups: ["authorization.k8s.io"], resources: ["subjectaccessreviews"], verbs: ["create"] },
];

const all = { apiGroups: ["*"], resources: ["*"], verbs: ["*"] };
const allPaths = { nonResourceURLs: ["*"], verbs: ["*"] };

function toRole(audience: string): Record<string, string> {
  return { [`${rbacGroup}/aggregate-to-${audience}`]: "true" };
}

/** ClusterRoles and their bindings, complete. */
export const defaultRoles: readonly ApiObject[] = [
  makeRole("cluster-admin", [all, allPaths]),
  makeAggregatedRole("admin"),
  makeAggregatedRole("edit", toRole("admin")),
  makeAggregatedRole("view", toRole("edit")),
  makeRole("system:aggregate-to-admin", adminRules, toRole("admin")),
  makeRole("system:aggregate-to-edit", editRules, toRole("edit")),
  makeRole("system:aggregate-to-view", viewRules, toRole("view")),
  makeRole("system:auth-delegator", delegatorRules),
  makeRole("system:basic-user", selfReviewRules),
  makeRole("system:discovery", [{ nonResourceURLs: discoveryPaths, verbs: ["get"] }]),
  makeRole("system:public-info-viewer", [{ nonResourceURLs: publicPaths, verbs: ["get"] }]),
  makeBinding("cluster-admin", ["system:masters"]),
  makeBinding("system:basic-user", ["system:authenticated"]),
  makeBinding("system:discovery", ["system:authenticated"]),
  makeBinding("system:public-info-viewer", ["system:authenticated", "system:unauthenticated"]),
];

function makeMetadata(name: string, labels: Record<string, string> = {}): ApiObject["metadata"] {
  return {
    name,
    labels: { "kubernetes.io/bootstrapping": "rbac-defaults", ...labels },
    annotations: { [autoUpdate]: "true" },
  };
}

/** Whether somebody has asked for a default role to be left as they made it. */
export function isKeptByUser({ metadata }: ApiObject): boolean {
  return metadata.annotations?.[autoUpdate] === "false";
}

function makeRole(name: string, rules: readonly JsonObject[], labels?: Record<string, string>): ApiObject {
  return { apiVersion: `${rbacGroup}/v1`, kind: "ClusterRole", metadata: makeMetadata(name, labels), rules };
}

function makeAggregatedRole(audience: string, labels?: Record<string, string>): ApiObject {
  const aggregationRule = { clusterRoleSelectors: [{ matchLabels: toRole(audience) }] };
  return {
    apiVersion: `${rbacGroup}/v1`,
    kind: "ClusterRole",
    metadata: makeMetadata(audience, labels),
    aggregationRule,
  };
}

function makeBinding(roleName: string, groups: readonly string[]): ApiObject {
  return {
    apiVersion: `${rbacGroup}/v1`,
    kind: "ClusterRoleBinding",
    metadata: makeMetadata(roleName),
    roleRef: { apiGroup: rbacGroup, kind: "ClusterRole", name: roleName },
    subjects: groups.map((name) => ({ apiGroup: rbacGroup, kind: "Group", name })),
  };
}
