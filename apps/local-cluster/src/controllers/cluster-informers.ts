import {
  type Change,
  ConfigMap,
  CoreService,
  CustomResourceDefinition,
  Deployment,
  EndpointSlice,
  type Informer,
  type InformerOptions,
  Job,
  type Kind,
  type KubeClient,
  type KubeObject,
  labelSelectorMatcher,
  type LabelSelector,
  Lease,
  Namespace,
  Node,
  type ObjectKey,
  keyOf,
  openInformer,
  Pod,
  ReplicaSet,
  ServiceAccount,
} from "@kelvin/kube";
import type { WatchSource } from "@kelvin/controller";
import { mirroringControllerName } from "./endpoint-slice-mirroring/mirror.ts";
import { Endpoints } from "./endpoints/endpoints-kind.ts";
import { controllerName, managedByLabel, serviceNameLabel } from "./endpoint-slice/slices.ts";
import { isTracked } from "./job/job-pod.ts";
import { leaseNamespace } from "./node-lease/reconcile.ts";
import { controllerOf } from "./ownership.ts";
import { isPodTerminal } from "./pods.ts";
import { isWaitingForNode } from "./scheduler/reconcile.ts";
import { defaultServiceAccountName, rootCaName } from "./service-account/reconcile.ts";

/** Names of the indexes; each function below uses one of them. */
export const indexes = {
  controller: "controller",
  orphans: "orphans",
  node: "node",
  terminated: "terminated",
  waiting: "waiting",
  tracked: "tracked",
  service: "service",
} as const;

/** The value under which objects that merely have a property are indexed. */
export const all = "all";

/** The copies that the controllers share: one per kind. */
export interface ClusterInformers {
  readonly pods: Informer<Pod>;
  readonly replicaSets: Informer<ReplicaSet>;
  readonly deployments: Informer<Deployment>;
  readonly jobs: Informer<Job>;
  readonly services: Informer<CoreService>;
  readonly slices: Informer<EndpointSlice>;
  /** Slices made from Endpoints that somebody wrote by hand. */
  readonly mirroredSlices: Informer<EndpointSlice>;
  readonly endpoints: Informer<Endpoints>;
  readonly nodes: Informer<Node>;
  readonly leases: Informer<Lease>;
  readonly namespaces: Informer<Namespace>;
  readonly serviceAccounts: Informer<ServiceAccount>;
  readonly rootCaConfigMaps: Informer<ConfigMap>;
  readonly definitions: Informer<CustomResourceDefinition>;
  close(): Promise<void>;
}

export function openClusterInformers(kube: KubeClient): ClusterInformers {
  const closers: (() => Promise<void>)[] = [];
  const open = <T extends KubeObject>(kind: Kind<T>, options: InformerOptions<T> = {}): Informer<T> => {
    const informer = openInformer(kube, kind, options);
    closers.push(() => informer.close());
    return informer;
  };
  return {
    pods: open(Pod, {
      indexes: {
        ...ownershipIndexes,
        [indexes.node]: ({ spec }) => (spec?.nodeName === undefined ? [] : [spec.nodeName]),
        [indexes.terminated]: (pod) => (isPodTerminal(pod) ? [all] : []),
        [indexes.tracked]: (pod) => (isTracked(pod) ? [all] : []),
        [indexes.waiting]: (pod) => (isWaitingForNode(pod) ? [all] : []),
      },
    }),
    replicaSets: open(ReplicaSet, { indexes: ownershipIndexes }),
    deployments: open(Deployment),
    jobs: open(Job),
    services: open(CoreService),
    slices: open(EndpointSlice, slicesManagedBy(controllerName)),
    mirroredSlices: open(EndpointSlice, slicesManagedBy(mirroringControllerName)),
    endpoints: open(Endpoints),
    nodes: open(Node),
    leases: open(Lease, { namespace: leaseNamespace }),
    namespaces: open(Namespace),
    serviceAccounts: open(ServiceAccount, { fieldSelector: `metadata.name=${defaultServiceAccountName}` }),
    rootCaConfigMaps: open(ConfigMap, { fieldSelector: `metadata.name=${rootCaName}` }),
    definitions: open(CustomResourceDefinition),
    async close() {
      await Promise.all(closers.map((close) => close()));
    },
  };
}

function slicesManagedBy(name: string): InformerOptions<EndpointSlice> {
  return {
    labelSelector: `${managedByLabel}=${name}`,
    indexes: {
      [indexes.service]: ({ metadata }) => [`${metadata.namespace}/${metadata.labels?.[serviceNameLabel]}`],
    },
  };
}

const ownershipIndexes = {
  [indexes.controller]: (object: KubeObject): string[] => {
    const owner = controllerOf(object);
    return owner === undefined ? [] : [owner.uid];
  },
  [indexes.orphans]: (object: KubeObject): string[] =>
    controllerOf(object) === undefined ? [object.metadata.namespace ?? ""] : [],
};

/** What an owner may claim: what it controls already, and what nobody in its namespace does. */
export function candidatesOf<T extends KubeObject>(informer: Informer<T>, owner: KubeObject): T[] {
  return [
    ...informer.byIndex(indexes.controller, owner.metadata.uid ?? ""),
    ...informer.byIndex(indexes.orphans, owner.metadata.namespace ?? ""),
  ];
}

/** The keys of those that might adopt this object: no one when it has a controller. */
export function possibleOwners<T extends KubeObject & { spec?: { selector?: LabelSelector } }>(
  owners: Informer<T>,
  orphan: KubeObject,
): ObjectKey[] {
  if (controllerOf(orphan) !== undefined) return [];
  const labels = orphan.metadata.labels ?? {};
  return owners
    .list(orphan.metadata.namespace)
    .filter(({ spec }) => labelSelectorMatcher(spec?.selector)(labels))
    .map(keyOf);
}

/** Makes changes wake the keys that `keysOf` names; unlike `watching` it sees what changed. */
export function waking<T extends KubeObject>(
  informer: Informer<T>,
  keysOf: (change: Change<T>) => readonly ObjectKey[],
): WatchSource {
  return {
    synced: informer.synced,
    subscribe: (enqueue) => informer.onChange((change) => keysOf(change).forEach(enqueue)),
  };
}
