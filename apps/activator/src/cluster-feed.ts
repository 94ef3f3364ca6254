import { Ingress } from "@kelvin/api/networking/v1alpha1/kinds";
import { Revision } from "@kelvin/api/serving/v1/kinds";
import { autoscalerLeaseName } from "@kelvin/api/scaling";
import { CoreService, EndpointSlice, type Informer, type KubeClient, Lease, openInformer, Pod } from "@kelvin/kube";
import type { Log } from "./log.ts";
import { podFacts, revisionLabel, trimPod } from "./pods/pod-facts.ts";
import type { PodDirectory } from "./pods/pod-directory.ts";
import { leaderAddress } from "./reports/leader-address.ts";
import type { ReportStream } from "./reports/report-stream.ts";
import {
  openServiceDirectory,
  type ServiceDirectory,
  serviceNameLabel,
  trimMeta,
  trimService,
  trimSlice,
} from "./routing/service-directory.ts";
import type { TableFeed } from "./routing/table-feed.ts";
import type { RevisionDirectory } from "./throttler/revision-directory.ts";

/** The six watches that everything here is derived from. */
export interface ClusterFeed {
  readonly services: ServiceDirectory;
  /** Resolves once every kind was listed and applied. */
  readonly synced: Promise<void>;
  close(): Promise<void>;
}

export interface ClusterFeedDeps {
  readonly kube: Pick<KubeClient, "list" | "watch">;
  readonly systemNamespace: string;
  readonly podIp: string;
  readonly log: Log;
  readonly revisions: RevisionDirectory;
  readonly pods: PodDirectory;
  readonly table: TableFeed;
  readonly reports: ReportStream;
}

export function openClusterFeed(deps: ClusterFeedDeps): ClusterFeed {
  const ingresses = feedIngresses(deps);
  const revisions = feedRevisions(deps);
  const pods = feedPods(deps);
  const leases = feedLease(deps);
  const plain = feedServices(deps);
  const informers = [ingresses, revisions, pods, leases, ...plain.informers];
  return {
    services: plain.directory,
    synced: Promise.all(informers.map((informer) => informer.synced)).then(() => undefined),
    async close() {
      await Promise.all(informers.map((informer) => informer.close()));
    },
  };
}

function feedIngresses({ kube, table, ...deps }: ClusterFeedDeps): Informer<Ingress> {
  const informer = openInformer(kube, Ingress, {
    ...errorLog("Ingress", deps.log),
    transform: ({ metadata, spec }) => ({ metadata: trimMeta(metadata), spec }),
  });
  informer.onChange(({ before, after }) => {
    if (after !== undefined) table.put(after);
    else if (before !== undefined) table.remove(keyOf(before));
  });
  return informer;
}

function feedRevisions({ kube, revisions, table, ...deps }: ClusterFeedDeps): Informer<Revision> {
  const informer = openInformer(kube, Revision, { ...errorLog("Revision", deps.log), transform: trimRevision });
  informer.onChange(({ before, after }) => {
    if (after !== undefined) {
      revisions.apply(after);
      if (before === undefined) table.onRevisionKnown(keyOf(after));
    } else if (before !== undefined) revisions.remove(before.metadata.namespace ?? "", before.metadata.name ?? "");
  });
  return informer;
}

function feedPods({ kube, pods, ...deps }: ClusterFeedDeps): Informer<Pod> {
  const informer = openInformer(kube, Pod, {
    ...errorLog("Pod", deps.log),
    labelSelector: revisionLabel,
    transform: trimPod,
  });
  informer.onChange(({ before, after }) => {
    if (after !== undefined) pods.apply(podFacts(after));
    else if (before !== undefined) pods.remove(before.metadata.uid ?? "");
  });
  return informer;
}

function feedLease({ kube, reports, systemNamespace, log }: ClusterFeedDeps): Informer<Lease> {
  const informer = openInformer(kube, Lease, {
    ...errorLog("Lease", log),
    namespace: systemNamespace,
    fieldSelector: `metadata.name=${autoscalerLeaseName}`,
  });
  informer.onChange(({ before, after }) => {
    if ((after ?? before)?.metadata.name === autoscalerLeaseName) reports.setLeader(leaderAddress(after));
  });
  return informer;
}

interface PlainServices {
  readonly directory: ServiceDirectory;
  readonly informers: readonly [Informer<CoreService>, Informer<EndpointSlice>];
}

function feedServices({ kube, podIp, log }: ClusterFeedDeps): PlainServices {
  const services = openInformer(kube, CoreService, { ...errorLog("Service", log), transform: trimService });
  const slices = openInformer(kube, EndpointSlice, {
    ...errorLog("EndpointSlice", log),
    labelSelector: serviceNameLabel,
    transform: trimSlice,
    indexes: { service: (slice) => [`${slice.metadata.namespace ?? ""}/${serviceNameOf(slice)}`] },
  });
  const directory = openServiceDirectory({
    service: (namespace, name) => services.get({ namespace, name }),
    slices: (namespace, name) => slices.byIndex("service", `${namespace}/${name}`),
    ownIp: podIp,
  });
  services.onChange(({ before, after }) => {
    const service = after ?? before;
    if (service !== undefined) directory.refresh(service.metadata.namespace ?? "", service.metadata.name ?? "");
  });
  slices.onChange(({ before, after }) => {
    for (const slice of [before, after]) {
      if (slice !== undefined) directory.refresh(slice.metadata.namespace ?? "", serviceNameOf(slice));
    }
  });
  return { directory, informers: [services, slices] };
}

function serviceNameOf(slice: EndpointSlice): string {
  return slice.metadata.labels?.[serviceNameLabel] ?? "";
}

/** Keeps of a Revision what the request path reads: the containers' environment stays out of this process. */
function trimRevision({ metadata, spec }: Revision): Revision {
  const { containerConcurrency, timeoutSeconds, responseStartTimeoutSeconds, idleTimeoutSeconds } = spec;
  return {
    metadata: trimMeta(metadata),
    spec: {
      ...(containerConcurrency === undefined ? {} : { containerConcurrency }),
      ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
      ...(responseStartTimeoutSeconds === undefined ? {} : { responseStartTimeoutSeconds }),
      ...(idleTimeoutSeconds === undefined ? {} : { idleTimeoutSeconds }),
    },
  };
}

function keyOf({ metadata }: { metadata: { namespace?: string; name?: string } }): string {
  return `${metadata.namespace ?? ""}/${metadata.name ?? ""}`;
}

function errorLog(kind: string, log: Log): { onError: (error: Error) => void } {
  return {
    onError: (error) => {
      log.warn({ kind, error: error.message }, "Watch failed and is tried again");
    },
  };
}
