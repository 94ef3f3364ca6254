import type { Kind } from "@kelvin/api";
import type {
  CoreV1Event,
  V1ClusterRole,
  V1ClusterRoleBinding,
  V1ConfigMap,
  V1CustomResourceDefinition,
  V1CustomResourceDefinitionVersion,
  V1Deployment,
  V1EndpointSlice,
  V1Job,
  V1Lease,
  V1MutatingWebhookConfiguration,
  V1Namespace,
  V1Node,
  V1Pod,
  V1ReplicaSet,
  V1Role,
  V1RoleBinding,
  V1Secret,
  V1Service,
  V1ServiceAccount,
  V1ValidatingWebhookConfiguration,
} from "@kubernetes/client-node";
import type { Wire, WireObject } from "./wire.ts";

// Each Kind is a value and a type of one name, as in @kelvin/api. Only names that Knative has too get a prefix.

/** A core/v1 Pod. */
export type Pod = WireObject<V1Pod>;
export const Pod: Kind<Pod> = coreKind("Pod", "pods");

/** A core/v1 Service; `Service` alone is Knative's. */
export type CoreService = WireObject<V1Service>;
export const CoreService: Kind<CoreService> = coreKind("Service", "services");

/** A core/v1 Namespace. */
export type Namespace = WireObject<V1Namespace>;
export const Namespace: Kind<Namespace> = clusterScoped(coreKind("Namespace", "namespaces"));

/** A core/v1 Secret; `data` values are base64. */
export type Secret = WireObject<V1Secret>;
export const Secret: Kind<Secret> = coreKind("Secret", "secrets");

/** A core/v1 ConfigMap. */
export type ConfigMap = WireObject<V1ConfigMap>;
export const ConfigMap: Kind<ConfigMap> = coreKind("ConfigMap", "configmaps");

/** A core/v1 ServiceAccount. */
export type ServiceAccount = WireObject<V1ServiceAccount>;
export const ServiceAccount: Kind<ServiceAccount> = coreKind("ServiceAccount", "serviceaccounts");

/** A core/v1 Event, what `kubectl describe` shows. */
export type CoreEvent = WireObject<CoreV1Event>;
export const CoreEvent: Kind<CoreEvent> = coreKind("Event", "events");

/** A core/v1 Node. */
export type Node = WireObject<V1Node>;
export const Node: Kind<Node> = clusterScoped(coreKind("Node", "nodes"));

/** A discovery.k8s.io/v1 EndpointSlice. */
export type EndpointSlice = WireObject<V1EndpointSlice>;
export const EndpointSlice: Kind<EndpointSlice> = kindOf("discovery.k8s.io", "EndpointSlice", "endpointslices");

/** A coordination.k8s.io/v1 Lease; its times have six digits of fraction. */
export type Lease = WireObject<V1Lease>;
export const Lease: Kind<Lease> = kindOf("coordination.k8s.io", "Lease", "leases");

/** An apps/v1 Deployment. */
export type Deployment = WireObject<V1Deployment>;
export const Deployment: Kind<Deployment> = kindOf("apps", "Deployment", "deployments");

/** An apps/v1 ReplicaSet. */
export type ReplicaSet = WireObject<V1ReplicaSet>;
export const ReplicaSet: Kind<ReplicaSet> = kindOf("apps", "ReplicaSet", "replicasets");

/** A batch/v1 Job. */
export type Job = WireObject<V1Job>;
export const Job: Kind<Job> = kindOf("batch", "Job", "jobs");

const admission = "admissionregistration.k8s.io";

/** An admissionregistration.k8s.io/v1 MutatingWebhookConfiguration. */
export type MutatingWebhookConfiguration = WireObject<V1MutatingWebhookConfiguration>;
export const MutatingWebhookConfiguration: Kind<MutatingWebhookConfiguration> = clusterScoped(
  kindOf(admission, "MutatingWebhookConfiguration", "mutatingwebhookconfigurations"),
);

/** An admissionregistration.k8s.io/v1 ValidatingWebhookConfiguration. */
export type ValidatingWebhookConfiguration = WireObject<V1ValidatingWebhookConfiguration>;
export const ValidatingWebhookConfiguration: Kind<ValidatingWebhookConfiguration> = clusterScoped(
  kindOf(admission, "ValidatingWebhookConfiguration", "validatingwebhookconfigurations"),
);

type CrdVersion = Omit<Wire<V1CustomResourceDefinitionVersion>, "schema"> & {
  /** JSON Schema, in the wire's own words (client-node's type renames its keywords). */
  schema?: { openAPIV3Schema?: Record<string, unknown> };
};

/** An apiextensions.k8s.io/v1 CustomResourceDefinition. */
export type CustomResourceDefinition = Omit<WireObject<V1CustomResourceDefinition>, "spec"> & {
  spec: Omit<Wire<V1CustomResourceDefinition>["spec"], "versions"> & { versions: CrdVersion[] };
};
export const CustomResourceDefinition: Kind<CustomResourceDefinition> = clusterScoped(
  kindOf("apiextensions.k8s.io", "CustomResourceDefinition", "customresourcedefinitions"),
);

const rbac = "rbac.authorization.k8s.io";

/** An rbac.authorization.k8s.io/v1 Role. */
export type Role = WireObject<V1Role>;
export const Role: Kind<Role> = kindOf(rbac, "Role", "roles");

/** An rbac.authorization.k8s.io/v1 RoleBinding. */
export type RoleBinding = WireObject<V1RoleBinding>;
export const RoleBinding: Kind<RoleBinding> = kindOf(rbac, "RoleBinding", "rolebindings");

/** An rbac.authorization.k8s.io/v1 ClusterRole. */
export type ClusterRole = WireObject<V1ClusterRole>;
export const ClusterRole: Kind<ClusterRole> = clusterScoped(kindOf(rbac, "ClusterRole", "clusterroles"));

/** An rbac.authorization.k8s.io/v1 ClusterRoleBinding. */
export type ClusterRoleBinding = WireObject<V1ClusterRoleBinding>;
export const ClusterRoleBinding: Kind<ClusterRoleBinding> = clusterScoped(
  kindOf(rbac, "ClusterRoleBinding", "clusterrolebindings"),
);

function coreKind(kind: string, plural: string): Kind<never> {
  return kindOf("", kind, plural);
}

function kindOf(group: string, kind: string, plural: string): Kind<never> {
  return { group, version: "v1", kind, plural, namespaced: true };
}

function clusterScoped(kind: Kind<never>): Kind<never> {
  return { ...kind, namespaced: false };
}
