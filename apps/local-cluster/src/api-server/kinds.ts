import type { Column, Resource, ScalePaths, StoredForm, Strategy, Subresource } from "./resource.ts";
import { apiVersionOf } from "./resource.ts";
import { crdStrategy } from "./crd/crd-strategy.ts";
import * as columns from "./reading/built-in-columns.ts";
import * as event from "./strategies/event.ts";
import { jobStrategy } from "./strategies/job.ts";
import * as plain from "./strategies/plain.ts";
import { podStrategy } from "./strategies/pod.ts";
import { serviceStrategy } from "./strategies/service.ts";
import { deploymentStrategy, replicaSetStrategy, workloadScale } from "./strategies/workload.ts";

// The one table of built-in kinds. A new kind is a new row; what is special about it is a strategy.

interface KindRow {
  readonly group?: string;
  readonly version?: string;
  readonly kind: string;
  readonly plural: string;
  readonly singular?: string;
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  readonly scope?: "Cluster";
  readonly hasStatus?: true;
  readonly scale?: ScalePaths;
  readonly subresources?: readonly Subresource[];
  readonly columns?: readonly Column[];
  readonly strategy?: Strategy;
  /** Another view of the objects of a kind above. */
  readonly storedAs?: { readonly type: string; readonly version: string; readonly form: StoredForm };
}

const all = ["all"];
const rbac = { group: "rbac.authorization.k8s.io", strategy: plain.rbacStrategy };
const admission = {
  group: "admissionregistration.k8s.io",
  scope: "Cluster",
  categories: ["api-extensions"],
  strategy: plain.webhookConfigurationStrategy,
  columns: columns.webhooks,
} as const;

const podSubresources: readonly Subresource[] = [
  { name: "attach", kind: "PodAttachOptions", verbs: ["create", "get"] },
  { name: "binding", kind: "Binding", verbs: ["create"] },
  { name: "eviction", group: "policy", version: "v1", kind: "Eviction", verbs: ["create"] },
  { name: "exec", kind: "PodExecOptions", verbs: ["create", "get"] },
  { name: "log", kind: "Pod", verbs: ["get"] },
  { name: "portforward", kind: "PodPortForwardOptions", verbs: ["create", "get"] },
];
const tokenSubresource: Subresource = {
  name: "token",
  group: "authentication.k8s.io",
  version: "v1",
  kind: "TokenRequest",
  verbs: ["create"],
};

const rows: readonly KindRow[] = [
  {
    kind: "ConfigMap",
    plural: "configmaps",
    shortNames: ["cm"],
    columns: columns.configMaps,
    strategy: plain.configMapStrategy,
  },
  { kind: "Endpoints", plural: "endpoints", singular: "endpoints", shortNames: ["ep"], columns: columns.endpoints },
  { kind: "Event", plural: "events", shortNames: ["ev"], columns: columns.events, strategy: event.eventStrategy },
  {
    kind: "Namespace",
    plural: "namespaces",
    shortNames: ["ns"],
    scope: "Cluster",
    hasStatus: true,
    columns: columns.namespaces,
    strategy: plain.namespaceStrategy,
    subresources: [{ name: "finalize", kind: "Namespace", verbs: ["update"] }],
  },
  {
    kind: "Node",
    plural: "nodes",
    shortNames: ["no"],
    scope: "Cluster",
    hasStatus: true,
    columns: columns.nodes,
    strategy: plain.nodeStrategy,
  },
  {
    kind: "Pod",
    plural: "pods",
    shortNames: ["po"],
    categories: all,
    hasStatus: true,
    columns: columns.pods,
    strategy: podStrategy,
    subresources: podSubresources,
  },
  { kind: "Secret", plural: "secrets", columns: columns.secrets, strategy: plain.secretStrategy },
  {
    kind: "ServiceAccount",
    plural: "serviceaccounts",
    shortNames: ["sa"],
    columns: columns.serviceAccounts,
    subresources: [tokenSubresource],
  },
  {
    kind: "Service",
    plural: "services",
    shortNames: ["svc"],
    categories: all,
    hasStatus: true,
    columns: columns.services,
    strategy: serviceStrategy,
  },
  { ...admission, kind: "MutatingWebhookConfiguration", plural: "mutatingwebhookconfigurations" },
  { ...admission, kind: "ValidatingWebhookConfiguration", plural: "validatingwebhookconfigurations" },
  {
    group: "apiextensions.k8s.io",
    kind: "CustomResourceDefinition",
    plural: "customresourcedefinitions",
    shortNames: ["crd", "crds"],
    categories: ["api-extensions"],
    scope: "Cluster",
    hasStatus: true,
    columns: columns.crds,
    strategy: crdStrategy,
  },
  {
    group: "apps",
    kind: "Deployment",
    plural: "deployments",
    shortNames: ["deploy"],
    categories: all,
    hasStatus: true,
    scale: workloadScale,
    columns: columns.deployments,
    strategy: deploymentStrategy,
  },
  {
    group: "apps",
    kind: "ReplicaSet",
    plural: "replicasets",
    shortNames: ["rs"],
    categories: all,
    hasStatus: true,
    scale: workloadScale,
    columns: columns.replicaSets,
    strategy: replicaSetStrategy,
  },
  {
    group: "autoscaling",
    version: "v2",
    kind: "HorizontalPodAutoscaler",
    plural: "horizontalpodautoscalers",
    shortNames: ["hpa"],
    categories: all,
    hasStatus: true,
    columns: columns.hpas,
  },
  {
    group: "batch",
    kind: "Job",
    plural: "jobs",
    categories: all,
    hasStatus: true,
    columns: columns.jobs,
    strategy: jobStrategy,
  },
  { group: "coordination.k8s.io", kind: "Lease", plural: "leases", columns: columns.leases },
  {
    group: "discovery.k8s.io",
    kind: "EndpointSlice",
    plural: "endpointslices",
    columns: columns.endpointSlices,
    strategy: plain.endpointSliceStrategy,
  },
  {
    group: "events.k8s.io",
    kind: "Event",
    plural: "events",
    shortNames: ["ev"],
    columns: columns.events,
    strategy: event.newEventStrategy,
    storedAs: { type: "/events", version: "v1", form: event.newEventForm },
  },
  {
    group: "networking.k8s.io",
    kind: "IngressClass",
    plural: "ingressclasses",
    scope: "Cluster",
    columns: columns.ingressClasses,
    strategy: plain.countedStrategy,
  },
  {
    group: "networking.k8s.io",
    kind: "Ingress",
    plural: "ingresses",
    shortNames: ["ing"],
    hasStatus: true,
    columns: columns.ingresses,
    strategy: plain.countedStrategy,
  },
  {
    group: "networking.k8s.io",
    kind: "NetworkPolicy",
    plural: "networkpolicies",
    shortNames: ["netpol"],
    columns: columns.networkPolicies,
    strategy: plain.countedStrategy,
  },
  {
    group: "policy",
    kind: "PodDisruptionBudget",
    plural: "poddisruptionbudgets",
    shortNames: ["pdb"],
    hasStatus: true,
    columns: columns.pdbs,
    strategy: plain.countedStrategy,
  },
  {
    ...rbac,
    kind: "ClusterRoleBinding",
    plural: "clusterrolebindings",
    scope: "Cluster",
    columns: columns.roleBindings,
  },
  { ...rbac, kind: "ClusterRole", plural: "clusterroles", scope: "Cluster", columns: columns.roles },
  { ...rbac, kind: "RoleBinding", plural: "rolebindings", columns: columns.roleBindings },
  { ...rbac, kind: "Role", plural: "roles", columns: columns.roles },
  {
    group: "scheduling.k8s.io",
    kind: "PriorityClass",
    plural: "priorityclasses",
    shortNames: ["pc"],
    scope: "Cluster",
    columns: columns.priorityClasses,
    strategy: plain.countedStrategy,
  },
];

export const standardVerbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

function resourceOf(row: KindRow): Resource {
  const group = row.group ?? "";
  const version = row.version ?? "v1";
  return {
    group,
    version,
    kind: row.kind,
    listKind: `${row.kind}List`,
    plural: row.plural,
    singular: row.singular ?? row.kind.toLowerCase(),
    shortNames: row.shortNames ?? [],
    categories: row.categories ?? [],
    namespaced: row.scope !== "Cluster",
    verbs: standardVerbs,
    hasStatus: row.hasStatus ?? false,
    ...(row.scale === undefined ? {} : { scale: row.scale }),
    subresources: row.subresources ?? [],
    columns: columnsOf(row),
    strategy: row.strategy ?? plain.plainStrategy,
    ...storageOf(row, { group, version }),
    isCustom: false,
  };
}

function storageOf(
  { plural, storedAs }: KindRow,
  served: { group: string; version: string },
): Pick<Resource, "storageType" | "storageVersion" | "storedForm"> {
  if (storedAs === undefined) return { storageType: `${served.group}/${plural}`, storageVersion: apiVersionOf(served) };
  return { storageType: storedAs.type, storageVersion: storedAs.version, storedForm: storedAs.form };
}

/** Columns read what is stored. */
function columnsOf({ columns: own = columns.nameAndAge, storedAs }: KindRow): readonly Column[] {
  if (storedAs === undefined) return own;
  return own.map((column) => ({ ...column, cell: (object, now) => column.cell(storedAs.form.toStored(object), now) }));
}

/** All kinds that are always there, in the order of discovery. */
export const builtInResources: readonly Resource[] = rows.map(resourceOf);

/** Their churn would dominate the log, and nothing is lost with them. */
export const volatileTypes: ReadonlySet<string> = new Set(["/events", "coordination.k8s.io/leases"]);
