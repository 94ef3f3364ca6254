import { openControlPlane } from "@kelvin/controller";
import { makeControllerCounts, openHttpService, type Logger, type RunningService } from "@kelvin/http-service";
import type { Clock, KubeClient } from "@kelvin/kube";
import { loadRules, makeWebhooks, mutatingConfigurations, validatingConfigurations } from "./admission/webhooks.ts";
import { makeOwnImage } from "./bus/own-image.ts";
import type { BusWatch } from "./bus-watch/bus-watch.ts";
import type { ControlConfig } from "./config.ts";
import { openInformers } from "./informers.ts";
import { settingSources } from "./settings.ts";

/** What role `control` needs from outside. */
export interface ControlDeps {
  readonly kube: KubeClient;
  readonly clock: Clock;
  readonly log: Logger;
  /** Finds the buses and asks them what they serve; called whenever this replica begins to lead. */
  readonly openBusWatch: () => BusWatch;
}

const name = "eventing-controller";

/** A reconcile mostly waits for the API server, so more of them cost little. */
const reconcilesAtOnce = 16;

/** Composes role `control` and starts it. Admission is answered always; reconcilers run while it holds the Lease. */
export async function openControl(config: ControlConfig, deps: ControlDeps): Promise<RunningService> {
  const { kube, clock, log } = deps;
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
    admission: {
      webhooks: (settings) => makeWebhooks(settings, config.systemNamespace),
      mutatingConfigurations,
      validatingConfigurations,
    },
    openControllers: async ({ common, settings }) => {
      const { openReconcilers } = await import("./reconcilers.ts");
      const { systemNamespace } = config;
      const ownImage = makeOwnImage(kube, config);
      return openReconcilers({ common, informers, settings, systemNamespace, ownImage, buses: deps.openBusWatch() });
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
