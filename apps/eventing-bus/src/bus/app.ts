import { openHttpService, type Logger, type RunningService } from "@kelvin/http-service";
import type { Clock, KubeClient } from "@kelvin/kube";
import { openIngress } from "../data-path/ingress.ts";
import type { BusLink } from "./bus-link.ts";
import { openBusParts } from "./bus-parts.ts";
import type { BusConfig } from "./config.ts";
import { openReportBook } from "./report-book.ts";
import { addBusMetrics } from "./metrics.ts";
import { addReportRoutes } from "./report-routes.ts";

/** What the role `bus` needs from outside. */
export interface BusDeps {
  readonly kube: Pick<KubeClient, "find" | "list" | "watch">;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A running replica of a bus. */
export interface RunningBus extends RunningService {
  /** Resolves when it takes events: everything was seen once, and every stream looked at. */
  readonly joined: Promise<void>;
  /** The ports that were taken. */
  ports(): { readonly http: number; readonly internal: number };
}

const DRAIN_MS = 10_000;
/** What parking and dead letters add to a record. */
const HEADROOM_BYTES = 32 * 1024;
/** The greatest body, where the bus would take more: this much of a process's memory for each of those in flight. */
const BODY_BYTES_MAX = 1024 * 1024;

// Not imported: an ES import of node:crypto evaluates its lazy exports, Web Crypto among them (40 ms and 10 MB).
const { randomUUID } = process.getBuiltinModule("node:crypto");

/** Composes the role `bus` and starts it. It writes nothing in Kubernetes, and stays up whatever the broker does. */
export async function openBus(config: BusConfig, deps: BusDeps): Promise<RunningBus> {
  const { log, clock } = deps;
  const boot = randomUUID();
  const book = openReportBook({ bus: config.bus.id, replica: config.podName, boot, clock });
  const parts = openBusParts(config, deps, book);
  const { routes, link, servers } = parts;
  const answers = new Map<number, number>();
  const state = { isJoined: false, isLeaving: false };
  const http = await openHttpService({
    name: "eventing-bus",
    host: config.host,
    port: config.internalPort,
    log,
    ready: () => state.isJoined && !state.isLeaving,
    routes: (app) => addReportRoutes(app, book),
    metrics: addBusMetrics({ ...parts, answers, report: () => book.report() }),
  });
  let ingress: Awaited<ReturnType<typeof openIngress>> | undefined;
  const join = async (): Promise<void> => {
    await parts.synced();
    if (state.isLeaving) return;
    await servers.begin();
    if (state.isLeaving) return;
    ingress = await openIngress({
      listeners: [{ name: "http", host: config.host, port: config.httpPort }],
      find: routes.find,
      bodyBytesMax: () => bodyBytesMax(link),
      log,
      onAnswered: (status) => answers.set(status, (answers.get(status) ?? 0) + 1),
    });
    state.isJoined = true;
    book.setSynced();
    log.info({ bus: config.bus.id }, "Joined");
  };
  const joined = join();
  return {
    joined,
    ports: () => ({ http: ingress?.addresses["http"]?.port ?? 0, internal: http.port }),
    async close() {
      state.isLeaving = true;
      if (state.isJoined) await clock.sleep(config.lingerMs);
      await ingress?.drain(DRAIN_MS);
      book.close();
      await parts.close(DRAIN_MS);
      await http.close();
    },
  };
}

function bodyBytesMax({ current }: BusLink): number {
  return current === undefined ? BODY_BYTES_MAX : Math.min(BODY_BYTES_MAX, current.bus.recordBytesMax - HEADROOM_BYTES);
}
