import { activatorServiceName } from "@kelvin/api/scaling";
import { openControlPlane } from "@kelvin/controller";
import { makeControllerCounts, openHttpService, type Logger, type RunningService } from "@kelvin/http-service";
import type { Clock, KubeClient } from "@kelvin/kube";
import { loadRules, makeWebhooks, mutatingConfigurations, validatingConfigurations } from "./admission/webhooks.ts";
import type { Config } from "./config.ts";
import { openInformers } from "./informers.ts";
import type { ReconcilerDeps } from "./reconcilers.ts";
import { settingSources } from "./settings.ts";

/** What the serving-controller needs from outside. */
export interface AppDeps extends ReconcilerDeps {
  readonly kube: KubeClient;
  readonly clock: Clock;
  readonly log: Logger;
}

const name = "serving-controller";

/** A reconcile mostly waits for the API server, so more of them cost little and make a thousand Services ready sooner. */
const reconcilesAtOnce = 16;

/** Composes the serving-controller and starts it. Admission is answered always; reconcilers run while it holds the Lease. */
export async function openApp(config: Config, deps: AppDeps): Promise<RunningService> {
  const { kube, clock, log } = deps;
  const { systemNamespace } = config;
  const counts = makeControllerCounts();
  const informers = openInformers({ kube, log, systemNamespace });
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
      const { openReconcilers } = await import("./reconcilers.ts");
      const gatewayHost = `${activatorServiceName}.${systemNamespace}.svc.cluster.local`;
      return openReconcilers({ common, informers, settings, gatewayHost }, deps);
    },
    warm: loadRules,
  });
  const http = await openHttpService({
    name,
    host: config.host,
    port: config.internalPort,
    log,
    ready: () => plane.isReady,
    metrics: counts.addMetrics,
  });
  return {
    async close() {
      await Promise.all([http.close(), plane.close()]);
    },
  };
}
