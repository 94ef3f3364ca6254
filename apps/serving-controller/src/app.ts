import { activatorServiceName } from "@kelvin/api/scaling";
import {
  openAdmissionServer,
  openEventRecorder,
  openLeaderElection,
  trackSynced,
  untilAborted,
} from "@kelvin/controller";
import { makeControllerCounts, openHttpService, type Logger, type RunningService } from "@kelvin/http-service";
import type { Clock, KubeClient } from "@kelvin/kube";
import { loadRules, makeWebhooks, mutatingConfigurations, validatingConfigurations } from "./admission/webhooks.ts";
import type { Config } from "./config.ts";
import type { ControllerKit } from "./controller-kit.ts";
import { closeInformers, openInformers } from "./informers.ts";
import type { ReconcilerDeps } from "./reconcilers.ts";
import { openSettings } from "./settings.ts";

/** What the serving-controller needs from outside. */
export interface AppDeps extends ReconcilerDeps {
  readonly kube: KubeClient;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A reconcile mostly waits for the API server, so more of them cost little and make a thousand Services ready sooner. */
const reconcilesAtOnce = 16;

/** What a start need not wait for is loaded this long after it, so that whoever waits for readiness is told first. */
const probeMsMax = 50;

/** Composes the serving-controller and starts it. Admission is answered always; reconcilers run while it holds the Lease. */
export async function openApp(config: Config, deps: AppDeps): Promise<RunningService> {
  const { kube, clock, log } = deps;
  const { systemNamespace: namespace } = config;
  const counts = makeControllerCounts();
  const recorder = openEventRecorder({ kube, component: "serving-controller", clock, log });
  const settings = openSettings({ kube, namespace, clock, log, recorder });
  const informers = openInformers({ kube, log, systemNamespace: namespace });
  const ending = new AbortController();
  const view = trackSynced([settings, ...Object.values(informers)], log);
  const quiet = view.synced.then(() => clock.sleep(probeMsMax, ending.signal));
  const kit: BaseKit = {
    common: { kube, clock, recorder, log, metrics: counts, concurrency: reconcilesAtOnce },
    informers,
    settings: () => settings.current,
    gatewayHost: `${activatorServiceName}.${namespace}.svc.cluster.local`,
  };

  const election = openLeaderElection({
    kube,
    lease: { namespace, name: "serving-controller" },
    identity: config.podName,
    clock,
    log,
    onLead: (signal) => lead({ kit, deps, signal, settings, quiet }),
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
  const http = await openHttpService({
    name: "serving-controller",
    host: config.host,
    port: config.internalPort,
    log,
    ready: () => view.isSynced() && admission.isReady,
    metrics: counts.addMetrics,
  });
  const warming = quiet.then(() => (ending.signal.aborted ? undefined : loadRules()));
  return {
    async close() {
      ending.abort();
      await election.close();
      await Promise.all([
        view.isSynced() ? warming : undefined,
        http.close(),
        admission.close(),
        closeInformers(informers),
        settings.close(),
        recorder.close(),
      ]);
    },
  };
}

type BaseKit = Omit<ControllerKit, "defaulting">;

interface Term {
  readonly kit: BaseKit;
  readonly deps: AppDeps;
  readonly signal: AbortSignal;
  readonly settings: ReturnType<typeof openSettings>;
  readonly quiet: Promise<void>;
}

/** Runs the reconcilers until `signal` aborts. */
async function lead({ kit, deps, signal, settings, quiet }: Term): Promise<void> {
  // Without the settings, objects would first be made by the defaults and then be made over.
  await Promise.race([quiet, untilAborted(signal)]);
  if (signal.aborted) return;
  const { openReconcilers } = await import("./reconcilers.ts");
  if (signal.aborted) return;
  const controllers = openReconcilers(kit, deps);
  const unsubscribe = settings.onChange(() => {
    for (const controller of controllers) controller.resync();
  });
  await untilAborted(signal);
  unsubscribe();
  await Promise.all(controllers.map((controller) => controller.close()));
}
