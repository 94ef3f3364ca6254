import { randomUUID } from "node:crypto";
import type { Writable } from "node:stream";
import { type HttpService, type Logger, openHttpService } from "@kelvin/http-service";
import { openProxyServer, type ProxyLimits, type ProxyServer } from "@kelvin/http-proxy";
import { type KubeClient, systemClock } from "@kelvin/kube";
import { openClusterFeed } from "./cluster-feed.ts";
import type { ActivatorConfig } from "./config.ts";
import { addInternalRoutes } from "./internal/internal-routes.ts";

import { addActivatorMetrics } from "./metrics.ts";
import { openExchangeRecorder } from "./path/exchange-recorder.ts";
import { makeRequestPath } from "./path/request-path.ts";
import type { RevisionCounters } from "./path/revision-sender.ts";
import { networkAttempt } from "./pods/early-probe.ts";
import { openPodDirectory } from "./pods/pod-directory.ts";
import { makeReportBook } from "./reports/report-book.ts";
import { openReportStream } from "./reports/report-stream.ts";
import { RoutingTable } from "./routing/routing-table.ts";
import { openTableFeed } from "./routing/table-feed.ts";
import { openTaskSet } from "./task-set.ts";
import { openRevisionDirectory } from "./throttler/revision-directory.ts";
import { defaultThrottlerLimits } from "./throttler/revision-throttler.ts";

export interface ActivatorDeps {
  readonly kube: Pick<KubeClient, "list" | "watch">;
  readonly log: Logger;
  /** Where the request log goes when it is on. */
  readonly requestLogOut: Writable;
  readonly proxyLimits?: Partial<ProxyLimits>;
}

export interface Activator {
  /** Resolves when requests are served: one list of everything was applied and the listeners are bound. */
  readonly started: Promise<void>;
  /** Ports that were taken, for those that the config left open. */
  ports(): { public: number; local: number; routed: number; internal: number };
  /** Not ready any more; serves on for a while, then lets what runs come to its end. Idempotent. */
  drain(): Promise<void>;
}

const probesMax = 256;
const sweepMs = 1_000;

/** Builds the activator from its parts and starts it; this is the only place that knows all of them. */
export async function openActivator(config: ActivatorConfig, deps: ActivatorDeps): Promise<Activator> {
  const { log } = deps;
  const clock = systemClock;
  const nowMs = (): number => performance.now();
  const bootId = randomUUID();
  const state = { isReady: false, isDraining: false };
  let proxy: ProxyServer | undefined;

  const tasks = openTaskSet(log);
  const totals = { waiters: 0, heldBytes: 0 };
  const revisions = openRevisionDirectory(
    { nowMs, random: Math.random, limits: defaultThrottlerLimits, totals },
    clock,
  );
  const book = makeReportBook({ activator: config.podName, bootId, nowMs, all: () => revisions.all() });
  const reports = openReportStream({ book, clock, log });
  const pods = openPodDirectory({
    revisions,
    tasks,
    probes: { clock, attempt: networkAttempt, load: { attempts: 0, attemptsMax: probesMax } },
    closeUpstream: (address) => proxy?.closeUpstream(address),
    onOpenPodsChanged: () => {
      reports.hurry();
    },
  });
  const routes = new RoutingTable();
  const isRevisionKnown = (key: string): boolean => revisions.find(key)?.isKnown === true;
  const table = openTableFeed({ table: routes, bootId, log, isRevisionKnown });
  const cluster = openClusterFeed({ ...config, ...deps, revisions, pods, table, reports });
  const recorder = openExchangeRecorder({
    nowMs,
    requestLogOut: config.isRequestLogOn ? deps.requestLogOut : undefined,
  });
  const counters: RevisionCounters = { slotReleasedUnfinished: 0, retries: 0, queueFull: 0, waitTimeouts: 0 };
  const onRequest = makeRequestPath({
    revisions,
    nowMs,
    counters,
    table: routes,
    services: cluster.services,
    random: Math.random,
    onStarved: () => {
      reports.hurry();
    },
    eject: (pod, key) => {
      pods.eject(pod, key);
    },
  });
  const cancelSweep = repeat(() => {
    revisions.sweep();
  });

  const internal: HttpService = await openHttpService({
    name: "activator",
    port: config.ports.internal,
    ready: () => state.isReady,
    routes: (app) => {
      addInternalRoutes(app, { revisions, feed: table });
    },
    metrics: addActivatorMetrics({ recorder, counters, totals, pods, revisions, routes, reports, proxy: () => proxy }),
    log,
  });

  async function start(): Promise<void> {
    await cluster.synced;
    if (state.isDraining) return;
    table.flush();
    proxy = await openProxyServer({
      listeners: [
        { name: "public", port: config.ports.public },
        { name: "local", port: config.ports.local },
        { name: "routed", port: config.ports.routed },
      ],
      onRequest: recorder.wrap(onRequest),
      limits: deps.proxyLimits ?? {},
      log,
    });
    state.isReady = true;
    log.info({ hosts: routes.hostCount, ports: portsOf(proxy) }, "Serving requests");
  }

  function portsOf(server: ProxyServer | undefined): { public: number; local: number; routed: number } {
    const port = (name: string): number => server?.addresses[name]?.port ?? 0;
    return { public: port("public"), local: port("local"), routed: port("routed") };
  }

  async function drain(): Promise<void> {
    if (state.isDraining) return;
    state.isDraining = true;
    state.isReady = false;
    log.info({}, "Draining");
    if (proxy !== undefined) {
      await clock.sleep(config.drain.lingerMs);
      await proxy.drain(config.drain.drainMsMax);
    }
    cancelSweep();
    revisions.close();
    reports.close();
    table.close();
    pods.close();
    recorder.close();
    await Promise.all([cluster.close(), internal.close(), tasks.close()]);
    await proxy?.close();
    log.info({}, "Drained");
  }

  return { started: start(), ports: () => ({ ...portsOf(proxy), internal: internal.port }), drain };
}

function repeat(task: () => void): () => void {
  let cancel = systemClock.setTimer(run, sweepMs);
  function run(): void {
    task();
    cancel = systemClock.setTimer(run, sweepMs);
  }
  return () => {
    cancel();
  };
}
