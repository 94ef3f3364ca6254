import { annotations, Configuration, labels, Revision, Route, Service } from "@kelvin/api/serving/v1/kinds";
import { PodAutoscaler } from "@kelvin/api/autoscaling/v1alpha1/kinds";
import { Ingress } from "@kelvin/api/networking/v1alpha1/kinds";
import { activatorServiceName } from "@kelvin/api/scaling";
import type { Kind, KubeObject } from "@kelvin/api";
import type { Log } from "@kelvin/controller";
import {
  CoreService,
  Deployment,
  EndpointSlice,
  keyText,
  openInformer,
  Pod,
  type Informer,
  type InformerOptions,
  type KubeClient,
} from "@kelvin/kube";
import { trimPod } from "./revision/trim-pod.ts";
import { indexRouteTargets } from "./routing-state/route-targets.ts";

/** A live copy of everything that the reconcilers read. */
export type Informers = ReturnType<typeof openInformers>;

export interface InformersOptions {
  readonly kube: KubeClient;
  readonly log: Log;
  readonly systemNamespace: string;
}

/** Starts to list and watch. Objects of other people are left out where a label tells them apart. */
export function openInformers({ kube, log, systemNamespace }: InformersOptions) {
  const open = <T extends KubeObject>(kind: Kind<T>, options: InformerOptions<T> = {}): Informer<T> =>
    openInformer(kube, kind, {
      ...options,
      onError: (err) => log.warn({ err, kind: kind.kind }, "Watching failed, trying again"),
    });
  return {
    services: open(Service),
    configurations: open(Configuration, { indexes: { build: indexNamedBuild } }),
    revisions: open(Revision, {
      indexes: { configuration: byLabel(labels.configuration), route: indexRevisionRoutes },
    }),
    routes: open(Route, { indexes: { target: indexRouteTargets } }),
    podAutoscalers: open(PodAutoscaler),
    ingresses: open(Ingress),
    deployments: open(Deployment, { labelSelector: labels.revisionUID }),
    placeholders: open(CoreService, {
      labelSelector: labels.route,
      indexes: { route: byLabel(labels.route) },
    }),
    pods: open(Pod, {
      labelSelector: labels.revision,
      transform: trimPod,
      indexes: { revision: byLabel(labels.revision) },
    }),
    activatorSlices: open(EndpointSlice, {
      namespace: systemNamespace,
      labelSelector: `kubernetes.io/service-name=${activatorServiceName}`,
    }),
  };
}

interface Labelled {
  metadata: { namespace?: string; labels?: Record<string, string>; annotations?: Record<string, string> };
}

function byLabel(label: string): (object: Labelled) => string[] {
  return ({ metadata: { namespace = "", labels: own = {} } }) => {
    const name = own[label] ?? "";
    return name === "" ? [] : [keyText({ namespace, name })];
  };
}

function indexNamedBuild({ metadata: { namespace = "", annotations: notes = {} } }: Labelled): string[] {
  const name = notes[annotations.buildRef] ?? "";
  return name === "" ? [] : [keyText({ namespace, name })];
}

function indexRevisionRoutes({ metadata: { namespace = "", annotations: notes = {} } }: Labelled): string[] {
  const routes = (notes[annotations.routes] ?? "").split(",").filter((name) => name !== "");
  return routes.map((name) => keyText({ namespace, name }));
}
