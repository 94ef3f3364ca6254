import { activatorServiceName } from "@kelvin/api/scaling";
import { openAdmissionServer, openEventRecorder, openLeaderElection, type Controller } from "@kelvin/controller";
import { makeControllerCounts, openHttpService, type Logger, type RunningService } from "@kelvin/http-service";
import type { Clock, KubeClient } from "@kelvin/kube";
import { makeWebhooks, mutatingConfigurations, validatingConfigurations } from "./admission/webhooks.ts";
import type { Config } from "./config.ts";
import { openConfigurationController } from "./configuration/controller.ts";
import type { ControllerKit } from "./controller-kit.ts";
import { makeDefaulting } from "./defaulting.ts";
import { openGarbageCollector } from "./garbage-collection/controller.ts";
import type { ImageResolver } from "./images/image-resolver.ts";
import { closeInformers, openInformers } from "./informers.ts";
import type { FetchTable } from "./ingress/activator-tables.ts";
import { openIngressController } from "./ingress/controller.ts";
import { openRevisionController } from "./revision/controller.ts";
import { openRouteController } from "./route/controller.ts";
import { openServiceController } from "./service/controller.ts";
import { openSettings } from "./settings.ts";

/** What the serving-controller needs from outside. */
export interface AppDeps {
  readonly kube: KubeClient;
  readonly clock: Clock;
  readonly log: Logger;
  readonly resolver: ImageResolver;
  readonly fetchTable: FetchTable;
}

/** A reconcile mostly waits for the API server, so more of them cost little and make a thousand Services ready sooner. */
const reconcilesAtOnce = 16;

/** Composes the serving-controller and starts it. Admission is answered always; reconcilers run while it holds the Lease. */
export async function openApp(config: Config, deps: AppDeps): Promise<RunningService> {
  const { kube, clock, log } = deps;
  const { systemNamespace: namespace } = config;
  const counts = makeControllerCounts();
  const recorder = openEventRecorder({ kube, component: "serving-controller", clock, log });
  const settings = openSettings({ kube, namespace, clock, log, recorder });
  const informers = openInformers({ kube, log, systemNamespace: namespace });
  const kit: ControllerKit = {
    common: { kube, clock, recorder, log, metrics: counts, concurrency: reconcilesAtOnce },
    informers,
    settings: () => settings.current,
    defaulting: makeDefaulting(() => settings.current),
    gatewayHost: `${activatorServiceName}.${namespace}.svc.cluster.local`,
  };

  const election = openLeaderElection({
    kube,
    lease: { namespace, name: "serving-controller" },
    identity: config.podName,
    clock,
    log,
    onLead: (signal) => lead({ kit, deps, signal, settings }),
  });
  const admission = await openAdmissionServer({
    kube,
    host: config.host,
    port: config.admissionPort,
    service: { namespace, name: "serving-controller" },
    secretName: "serving-controller-certs",
    webhooks: makeWebhooks(() => settings.current),
    mutatingConfigurations,
    validatingConfigurations,
    clock,
    log,
  });
  const isSynced = trackSynced([settings, ...Object.values(informers)], log);
  const http = await openHttpService({
    name: "serving-controller",
    host: config.host,
    port: config.internalPort,
    log,
    ready: () => isSynced() && admission.isReady,
    metrics: counts.addMetrics,
  });
  return {
    async close() {
      await election.close();
      await Promise.all([
        http.close(),
        admission.close(),
        closeInformers(informers),
        settings.close(),
        recorder.close(),
      ]);
    },
  };
}

interface Term {
  readonly kit: ControllerKit;
  readonly deps: AppDeps;
  readonly signal: AbortSignal;
  readonly settings: ReturnType<typeof openSettings>;
}

/** Runs the reconcilers until `signal` aborts. */
async function lead({ kit, deps, signal, settings }: Term): Promise<void> {
  // Without the settings, objects would first be made by the defaults and then be made over.
  await Promise.race([settings.synced, aborted(signal)]);
  if (signal.aborted) return;
  const controllers: Controller[] = [
    openServiceController(kit),
    openConfigurationController(kit),
    openRevisionController(kit, deps.resolver),
    openRouteController(kit),
    openIngressController(kit, deps.fetchTable),
    openGarbageCollector(kit),
  ];
  const unsubscribe = settings.onChange(() => {
    for (const controller of controllers) controller.resync();
  });
  await aborted(signal);
  unsubscribe();
  await Promise.all(controllers.map((controller) => controller.close()));
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

function trackSynced(sources: readonly { readonly synced: Promise<void> }[], log: Logger): () => boolean {
  let isSynced = false;
  Promise.all(sources.map(({ synced }) => synced)).then(
    () => (isSynced = true),
    (err: unknown) => log.error({ err }, "First list failed"),
  );
  return () => isSynced;
}
