import { openControlPlane, type ControlPlanePart } from "@kelvin/controller";
import { makeControllerCounts, openHttpService, type Logger, type RunningService } from "@kelvin/http-service";
import type { Clock, KubeClient, PodLogs } from "@kelvin/kube";
import { makeWebhooks, mutatingConfigurations, validatingConfigurations } from "./admission/webhooks.ts";
import type { Config } from "./config.ts";
import type { ControllerKit } from "./controller-kit.ts";
import { openInformers } from "./informers.ts";
import { openLogStore } from "./logs/open-log-store.ts";
import { openLogReader } from "./logs/log-access.ts";
import { addLogRoutes } from "./logs/log-routes.ts";
import type { LogStore } from "./logs/log-store.ts";
import { settingSources } from "./settings.ts";

/** What the build-controller needs from outside. */
export interface AppDeps {
  readonly kube: KubeClient;
  readonly podLogs: PodLogs;
  readonly clock: Clock;
  readonly log: Logger;
}

const name = "build-controller";

/** A reconcile mostly waits for the API server, so more of them cost little and start fifty builds at once sooner. */
const reconcilesAtOnce = 16;

/** Composes the build-controller and starts it. Admission is answered always; Builds are driven while it holds the Lease. */
export async function openApp(config: Config, { kube, podLogs, clock, log }: AppDeps): Promise<RunningService> {
  const store = await openLogStore(config, clock);
  const counts = makeControllerCounts();
  const informers = openInformers({ kube, log });
  const plane = await openControlPlane({
    name,
    kube,
    clock,
    log,
    metrics: counts,
    concurrency: reconcilesAtOnce,
    place: config,
    sources: settingSources,
    informers: Object.values(informers),
    admission: { webhooks: makeWebhooks, mutatingConfigurations, validatingConfigurations },
    openControllers: async ({ common, settings }) => {
      return [await openBuilds({ common, informers, config: () => settings().build }, { podLogs, store })];
    },
  });
  const http = await openHttpService({
    name,
    host: config.host,
    port: config.internalPort,
    log,
    ready: () => plane.isReady,
    metrics: counts.addMetrics,
    routes: (app) => addLogRoutes(app, { store, access: openLogReader(kube) }),
  });
  return {
    async close() {
      await Promise.all([http.close(), plane.close()]);
    },
  };
}

/** Drives Builds and keeps their logs. */
async function openBuilds(
  kit: ControllerKit,
  { podLogs, store }: { readonly podLogs: PodLogs; readonly store: LogStore },
): Promise<ControlPlanePart> {
  const [{ openBuildController }, { openLogs }] = await Promise.all([
    import("./build/controller.ts"),
    import("./logs/logs.ts"),
  ]);
  const logs = openLogs(kit, { podLogs, store });
  const controller = openBuildController(kit, logs);
  return {
    resync: () => controller.resync(),
    async close() {
      await controller.close();
      await logs.close();
    },
  };
}
