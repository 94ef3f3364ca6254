import {
  openAdmissionServer,
  openEventRecorder,
  openLeaderElection,
  trackSynced,
  untilAborted,
} from "@kelvin/controller";
import { makeControllerCounts, openHttpService, type Logger, type RunningService } from "@kelvin/http-service";
import type { Clock, KubeClient, PodLogs } from "@kelvin/kube";
import { makeWebhooks, mutatingConfigurations, validatingConfigurations } from "./admission/webhooks.ts";
import type { Config } from "./config.ts";
import type { ControllerKit } from "./controller-kit.ts";
import { closeInformers, openInformers } from "./informers.ts";
import { openLogStore } from "./logs/open-log-store.ts";
import { openLogReader } from "./logs/log-access.ts";
import { addLogRoutes } from "./logs/log-routes.ts";
import type { LogStore } from "./logs/log-store.ts";
import { openSettings } from "./settings.ts";

/** What the build-controller needs from outside. */
export interface AppDeps {
  readonly kube: KubeClient;
  readonly podLogs: PodLogs;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A reconcile mostly waits for the API server, so more of them cost little and start fifty builds at once sooner. */
const reconcilesAtOnce = 16;

/** Composes the build-controller and starts it. Admission is answered always; Builds are driven while it holds the Lease. */
export async function openApp(config: Config, { kube, podLogs, clock, log }: AppDeps): Promise<RunningService> {
  const { systemNamespace: namespace } = config;
  const store = await openLogStore(config, clock);
  const counts = makeControllerCounts();
  const recorder = openEventRecorder({ kube, component: "build-controller", clock, log });
  const settings = openSettings({ kube, namespace, clock, log, recorder });
  const informers = openInformers({ kube, log });
  const view = trackSynced([settings, ...Object.values(informers)], log);
  const kit: ControllerKit = {
    common: { kube, clock, recorder, log, metrics: counts, concurrency: reconcilesAtOnce },
    informers,
    config: () => settings.current.build,
  };
  const election = openLeaderElection({
    kube,
    lease: { namespace, name: "build-controller" },
    identity: config.podName,
    clock,
    log,
    onLead: (signal) => lead(kit, { podLogs, store, signal, synced: view.synced }),
  });
  const admission = await openAdmissionServer({
    kube,
    host: config.host,
    port: config.admissionPort,
    service: { namespace, name: "build-controller" },
    secretName: "build-controller-certs",
    webhooks: makeWebhooks(),
    mutatingConfigurations,
    validatingConfigurations,
    clock,
    log,
  });
  const http = await openHttpService({
    name: "build-controller",
    host: config.host,
    port: config.internalPort,
    log,
    ready: () => view.isSynced() && admission.isReady,
    metrics: counts.addMetrics,
    routes: (app) => addLogRoutes(app, { store, access: openLogReader(kube) }),
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
  readonly podLogs: PodLogs;
  readonly store: LogStore;
  readonly signal: AbortSignal;
  readonly synced: Promise<void>;
}

/** Drives Builds and keeps their logs until `signal` aborts. */
async function lead(kit: ControllerKit, { podLogs, store, signal, synced }: Term): Promise<void> {
  // Without the settings a Build would get a Pod of the wrong image.
  await Promise.race([synced, untilAborted(signal)]);
  if (signal.aborted) return;
  const [{ openBuildController }, { openLogs }] = await Promise.all([
    import("./build/controller.ts"),
    import("./logs/logs.ts"),
  ]);
  if (signal.aborted) return;
  const logs = openLogs(kit, { podLogs, store });
  const controller = openBuildController(kit, logs);
  await untilAborted(signal);
  await controller.close();
  await logs.close();
}
