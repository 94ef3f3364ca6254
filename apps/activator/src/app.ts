import type { Writable } from "node:stream";
import { type HttpService, type Logger, openHttpService } from "@kelvin/http-service";
import { type Exchange, openProxyServer, type ProxyLimits, type ProxyServer } from "@kelvin/http-proxy";
import { type KubeClient, systemClock } from "@kelvin/kube";
import { type ClusterFeed, openClusterFeed } from "./cluster-feed.ts";
import type { ActivatorConfig } from "./config.ts";
import { addInternalRoutes } from "./internal/internal-routes.ts";

import { addActivatorMetrics } from "./metrics.ts";
import { type ExchangeRecorder, openExchangeRecorder } from "./path/exchange-recorder.ts";
import { type ListenerName, makeRequestPath } from "./path/request-path.ts";
import type { RevisionCounters } from "./path/revision-sender.ts";
import { networkAttempt } from "./pods/early-probe.ts";
import { PodDirectory } from "./pods/pod-directory.ts";
import { makeReportBook } from "./reports/report-book.ts";
import { ReportStream } from "./reports/report-stream.ts";
import { RoutingTable } from "./routing/routing-table.ts";
import { TableFeed } from "./routing/table-feed.ts";
import { openTaskSet } from "./task-set.ts";
import { openRevisionDirectory, type RevisionDirectory } from "./throttler/revision-directory.ts";
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

// Not imported: an ES import of node:crypto evaluates its lazy exports, Web Crypto among them (40 ms and 10 MB).
const { randomUUID } = process.getBuiltinModule("node:crypto");
const probesMax = 256;
const sweepMs = 1_000;

/** Builds the activator and starts it. Requests are served once `started` has resolved. */
export async function openActivator(config: ActivatorConfig, deps: ActivatorDeps): Promise<Activator> {
  const { log } = deps;
  let isReady = false;
  let drained: Promise<void> | undefined;
  const parts = makeParts(config, deps);
  const internal = await openInternal(config, { parts, log, ready: () => isReady && drained === undefined });

  async function start(): Promise<void> {
    await parts.cluster.synced;
    if (drained !== undefined) return;
    parts.table.flush();
    parts.proxy = await openProxyServer({
      listeners: listeners.map((name) => ({ name, port: config.ports[name] })),
      onRequest: parts.onRequest,
      limits: deps.proxyLimits ?? {},
      log,
    });
    isReady = true;
    log.info({ hosts: parts.routes.hostCount, addresses: parts.proxy.addresses }, "Serving requests");
  }

  async function drain(): Promise<void> {
    if (parts.proxy !== undefined) {
      await systemClock.sleep(config.drain.lingerMs);
      await parts.proxy.drain(config.drain.drainMsMax);
    }
    await parts.close();
    await internal.close();
  }

  const portOf = (name: ListenerName): number => parts.proxy?.addresses[name]?.port ?? 0;
  return {
    started: start(),
    ports: () => ({
      public: portOf("public"),
      local: portOf("local"),
      routed: portOf("routed"),
      internal: internal.port,
    }),
    drain: () => (drained ??= drain()),
  };
}

const listeners: readonly ListenerName[] = ["public", "local", "routed"];

/** All that works together here, and what they share. */
interface Parts {
  readonly revisions: RevisionDirectory;
  readonly pods: PodDirectory;
  readonly routes: RoutingTable;
  readonly table: TableFeed;
  readonly cluster: ClusterFeed;
  readonly reports: ReportStream;
  readonly recorder: ExchangeRecorder;
  readonly counters: RevisionCounters;
  readonly totals: { waiters: number; heldBytes: number };
  readonly onRequest: (exchange: Exchange) => void;
  /** Undefined until the first consistent view of the cluster is there. */
  proxy: ProxyServer | undefined;
  close(): Promise<void>;
}

/** The only place that knows all parts, and which of them calls which. */
function makeParts(config: ActivatorConfig, deps: ActivatorDeps): Parts {
  const { log } = deps;
  const clock = systemClock;
  const nowMs = (): number => performance.now();
  const bootId = randomUUID();
  const tasks = openTaskSet(log);
  const totals = { waiters: 0, heldBytes: 0 };
  const revisions = openRevisionDirectory(
    { nowMs, random: Math.random, limits: defaultThrottlerLimits, totals },
    clock,
  );
  const book = makeReportBook({ activator: config.podName, bootId, nowMs, all: () => revisions.all() });
  const reports = new ReportStream({ book, clock, log });
  const hurry = (): void => reports.hurry();
  const pods = new PodDirectory({
    revisions,
    tasks,
    probes: { clock, attempt: networkAttempt, load: { attempts: 0, attemptsMax: probesMax } },
    closeUpstream: (address) => parts.proxy?.closeUpstream(address),
    onOpenPodsChanged: hurry,
  });
  const routes = new RoutingTable();
  const isRevisionKnown = (key: string): boolean => revisions.find(key)?.isKnown === true;
  const table = new TableFeed({ table: routes, bootId, log, isRevisionKnown });
  const cluster = openClusterFeed({ ...config, ...deps, revisions, pods, table, reports });
  const recorder = openExchangeRecorder({
    nowMs,
    requestLogOut: config.isRequestLogOn ? deps.requestLogOut : undefined,
  });
  const counters: RevisionCounters = { slotReleasedUnfinished: 0, retries: 0, queueFull: 0, waitTimeouts: 0 };
  const requestPath = makeRequestPath({
    revisions,
    nowMs,
    counters,
    table: routes,
    services: cluster.services,
    random: Math.random,
    onStarved: hurry,
    eject: (pod, key) => pods.eject(pod, key),
  });
  const cancelSweep = repeat(() => revisions.sweep());
  const onRequest = recorder.wrap(requestPath);
  const parts: Parts = {
    revisions,
    pods,
    routes,
    table,
    cluster,
    reports,
    recorder,
    counters,
    totals,
    onRequest,
    proxy: undefined,
    async close() {
      cancelSweep();
      revisions.close();
      reports.close();
      table.close();
      pods.close();
      recorder.close();
      await Promise.all([cluster.close(), tasks.close()]);
    },
  };
  return parts;
}

function openInternal(
  config: ActivatorConfig,
  { parts, log, ready }: { parts: Parts; log: Logger; ready: () => boolean },
): Promise<HttpService> {
  return openHttpService({
    name: "activator",
    port: config.ports.internal,
    ready,
    routes: (app) => {
      addInternalRoutes(app, { revisions: parts.revisions, feed: parts.table });
    },
    metrics: addActivatorMetrics({ ...parts, proxy: () => parts.proxy }),
    log,
  });
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
