import type { FastifyInstance } from "fastify";
import type { RequestListener } from "node:http";
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import { openFront } from "./front.ts";
import type { AddMetrics } from "./metrics.ts";

/** What the service serves, beyond the three routes that each has. */
export interface HttpAppOptions {
  /** In logs and metrics, such as `autoscaler`. */
  name: string;
  /** Whether /readyz answers 200. Default: always. What it throws counts as not ready and is logged. */
  ready?: () => boolean | Promise<boolean>;
  /** Adds the app's own routes, when the first of them is asked for, or the service has been ready for a moment. */
  routes?: (app: FastifyInstance) => void | Promise<void>;
  log: Logger;
  /** Served at /metrics instead of a registry of the service's own, for apps that count with prom-client as they go. */
  registry?: Registry;
  /** Adds metrics to the registry when it is first read: prom-client is loaded only then. */
  metrics?: AddMetrics;
  /** Larger bodies are refused with 413. Default 1 MiB. */
  bodyBytesMax?: number;
}

/** The app and where it listens. */
export interface HttpServiceOptions extends HttpAppOptions {
  /** Default `0.0.0.0`. */
  host?: string;
  /** 0 takes any free port. */
  port: number;
  /** How long `close` waits for requests under way before it cuts them off. Default 10 s. */
  drainMsMax?: number;
}

/** A listening service. */
export interface HttpService {
  /** Such as `http://127.0.0.1:8090`. */
  readonly address: string;
  readonly port: number;
  /** /readyz fails from now on, no new connections, requests under way are answered; resolves when all is closed. */
  close(): Promise<void>;
}

const DRAIN_MS_MAX = 10_000;
/** What a start need not wait for is loaded this long after it, so that whoever waits for readiness is told first. */
const LOAD_DELAY_MS = 50;

/** Builds what answers all but health, without listening, for tests that use `inject`. */
export async function buildHttpApp(options: HttpAppOptions): Promise<FastifyInstance> {
  const { makeHttpApp } = await import("./http-app.ts");
  return makeHttpApp(options, () => false);
}

/** Listens; builds the app when there is need of it. @throws Error naming the port when it cannot be bound. */
export async function openHttpService(options: HttpServiceOptions): Promise<HttpService> {
  const { host = "0.0.0.0", log, drainMsMax = DRAIN_MS_MAX } = options;
  let app: Promise<FastifyInstance> | undefined;
  let failure: Error | undefined;
  const build = async (): Promise<FastifyInstance> => {
    try {
      const { makeHttpApp } = await import("./http-app.ts");
      return await makeHttpApp(options, () => front.isDraining);
    } catch (cause) {
      failure = new Error("the routes cannot be built", { cause });
      throw failure;
    }
  };
  const load = (): Promise<FastifyInstance> => (app ??= build());
  const loadSoon = (): void => {
    if (app !== undefined || options.routes === undefined) return;
    setTimeout(() => {
      // Whoever asks for it hears of it, too.
      load().catch((err: unknown) => log.error({ err }, "The service is of no use"));
    }, LOAD_DELAY_MS).unref();
  };
  const front = openFront({
    log,
    load: async (): Promise<RequestListener> => {
      const loaded = await load();
      return (request, response) => loaded.routing(request, response);
    },
    ready: async () => {
      if (failure !== undefined) throw failure;
      const isReady = (await options.ready?.()) ?? true;
      if (isReady) loadSoon();
      return isReady;
    },
  });
  const { port } = await front.listen(host, options.port);
  const address = `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
  log.debug({ address }, "Listens");
  let closed: Promise<void> | undefined;
  return {
    address,
    port,
    close() {
      closed ??= front.close(drainMsMax).then(async () => (await app?.catch(() => undefined))?.close());
      return closed;
    },
  };
}
