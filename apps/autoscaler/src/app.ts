import { autoscalerLeaseName } from "@kelvin/api/scaling";
import { PodAutoscaler } from "@kelvin/api/autoscaling/v1alpha1";
import { parseAutoscalerConfig, parseDeploymentConfig } from "@kelvin/api/serving/config";
import {
  enqueueByLabel,
  openConfigWatcher,
  openController,
  openEventRecorder,
  openLeaderElection,
  watching,
  type Controller,
  type EventRecorder,
} from "@kelvin/controller";
import { openHttpService, type Logger, type RunningService } from "@kelvin/http-service";
import { Deployment, EndpointSlice, Pod, openInformer, type Clock, type KubeClient } from "@kelvin/kube";
import type { ActivatorClient } from "./activators/activator-client.ts";
import { activatorSliceSelector, listActivators } from "./activators/activator-directory.ts";
import type { Config } from "./config.ts";
import { addInternalRoutes } from "./internal/routes.ts";
import { reconcilePodAutoscaler, type PodAutoscalerDeps } from "./pod-autoscaler/reconcile.ts";
import { revisionLabel, trimPod } from "./pod-autoscaler/revision-pods.ts";
import { openScaleBook } from "./pod-autoscaler/scale-book.ts";
import { openReportLedger } from "./reports/report-ledger.ts";

/** What the autoscaler needs from outside. */
export interface AppDeps {
  readonly kube: KubeClient;
  readonly client: ActivatorClient;
  readonly clock: Clock;
  readonly log: Logger;
}

/** How often activators that are gone are looked for. */
const sweepMs = 5000;

/** Composes the autoscaler and starts it. It decides while it holds the Lease; otherwise it only keeps its view warm. */
export async function openApp(config: Config, deps: AppDeps): Promise<RunningService> {
  const { kube, clock, log } = deps;
  const view = openView(config, deps);
  const ledger = openReportLedger(() => clock.monotonicMs());
  const book = openScaleBook();
  const recorder = openEventRecorder({ kube, component: "autoscaler", clock });
  const reconcileDeps: PodAutoscalerDeps & { kube: KubeClient } = {
    ...deps,
    config: () => ({
      autoscaler: view.configs.current.autoscaler,
      progressDeadlineMs: view.configs.current.deployment.progressDeadlineMs,
    }),
    deployments: view.deployments,
    podsOf: (key) => view.pods.byIndex("revision", key),
    activators: () => listActivators(view.slices),
    ledger,
    book,
  };

  let controller: Controller | undefined;
  const election = openLeaderElection({
    kube,
    lease: { namespace: config.systemNamespace, name: autoscalerLeaseName },
    identity: `${config.podName}_${config.podAddress}:${config.internalPort}`,
    clock,
    log,
    async onLead(signal) {
      controller = openPodAutoscalerController(view, { deps: reconcileDeps, recorder, log });
      await once(signal);
      const ending = controller;
      controller = undefined;
      await ending.close();
    },
  });

  view.podAutoscalers.onChange(({ before, after }) => {
    if (after === undefined) book.forget(`${before?.metadata.namespace}/${before?.metadata.name}`);
  });
  view.configs.onChange(() => controller?.resync());
  const sweep = new AbortController();
  const sweeping = forgetGoneActivators(reconcileDeps, sweep.signal);
  const http = await openHttpService({
    name: "autoscaler",
    host: config.host,
    port: config.internalPort,
    log,
    ready: () => view.isSynced(),
    routes: (fastify) =>
      addInternalRoutes(fastify, {
        ledger,
        book,
        isLeading: () => controller !== undefined,
        onQueued: (key) => controller?.enqueue(parseRevisionKey(key)),
      }),
  });

  return {
    async close() {
      sweep.abort();
      await election.close();
      await Promise.all([http.close(), sweeping, view.close(), recorder.close()]);
    },
  };
}

/** Reconciles every PodAutoscaler when it, its Deployment or one of its pods changes. */
function openPodAutoscalerController(
  view: View,
  { deps, recorder, log }: { deps: PodAutoscalerDeps & { kube: KubeClient }; recorder: EventRecorder; log: Logger },
): Controller {
  const { podAutoscalers, deployments, pods } = view;
  return openController<PodAutoscaler>({
    name: "pod-autoscaler",
    kind: PodAutoscaler,
    kube: deps.kube,
    informer: podAutoscalers,
    watches: [watching(deployments, enqueueByLabel(revisionLabel)), watching(pods, enqueueByLabel(revisionLabel))],
    reconcile: (podAutoscaler) => reconcilePodAutoscaler(podAutoscaler, deps),
    concurrency: 16,
    recorder,
    clock: deps.clock,
    log,
  });
}

function once(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

type View = ReturnType<typeof openView>;

/** The informers and the configuration. */
function openView({ systemNamespace }: Config, { kube, clock, log }: AppDeps) {
  const podAutoscalers = openInformer(kube, PodAutoscaler);
  const deployments = openInformer(kube, Deployment, { labelSelector: revisionLabel, transform: trimDeployment });
  const pods = openInformer(kube, Pod, {
    labelSelector: revisionLabel,
    transform: trimPod,
    indexes: { revision: (pod) => [`${pod.metadata.namespace}/${pod.metadata.labels?.[revisionLabel]}`] },
  });
  const slices = openInformer(kube, EndpointSlice, {
    namespace: systemNamespace,
    labelSelector: activatorSliceSelector,
  });
  const configs = openConfigWatcher({
    kube,
    namespace: systemNamespace,
    sources: {
      autoscaler: { configMap: "config-autoscaler", parse: parseAutoscalerConfig },
      deployment: { configMap: "config-deployment", parse: parseDeploymentConfig },
    },
    clock,
    log,
  });
  const parts = [podAutoscalers, deployments, pods, slices, configs];
  let synced = false;
  const whenSynced = Promise.all(parts.map((part) => part.synced)).then(() => (synced = true));
  return {
    podAutoscalers,
    deployments,
    pods,
    slices,
    configs,
    isSynced: () => synced,
    whenSynced,
    close: async () => void (await Promise.all(parts.map((part) => part.close()))),
  };
}

/** Of a Deployment only its scale and its revision matter. */
function trimDeployment({ metadata, spec }: Deployment): Deployment {
  const { annotations: _annotations, labels, ...kept } = metadata;
  const replicas = spec?.replicas;
  return {
    metadata: { ...kept, labels: { [revisionLabel]: labels?.[revisionLabel] ?? "" } },
    spec: { ...(replicas === undefined ? {} : { replicas }), selector: {}, template: {} },
  };
}

/** A share is dropped only when its activator's Pod is gone; until then its last word counts. */
async function forgetGoneActivators(
  { ledger, activators, clock }: PodAutoscalerDeps,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(sweepMs, signal);
    const known = new Set(activators().map((activator) => activator.name));
    for (const name of ledger.activators()) {
      if (!known.has(name) && !ledger.isStreaming(name)) ledger.forget(name);
    }
  }
}

function parseRevisionKey(key: string): { namespace: string; name: string } {
  const [namespace = "", name = ""] = key.split("/");
  return { namespace, name };
}
