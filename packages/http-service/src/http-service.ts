import { fastify, LogController } from "fastify";
import type { FastifyBaseLogger, FastifyInstance } from "fastify";
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import { addErrorAnswers } from "./error-answers.ts";
import { addHealth } from "./health.ts";
import { lazyCompilers } from "./lazy-compilers.ts";
import { addMetrics } from "./metrics.ts";
import type { AddMetrics } from "./metrics.ts";
import { addRequestLog } from "./request-log.ts";
import { addDrain } from "./drain.ts";
import type { Drain } from "./drain.ts";

/** What the service serves, beyond the three routes that each has. */
export interface HttpAppOptions {
  /** In logs and metrics, such as `autoscaler`. */
  name: string;
  /** Whether /readyz answers 200. Default: always. What it throws counts as not ready and is logged. */
  ready?: () => boolean | Promise<boolean>;
  /** Adds the app's own routes. */
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

const BODY_BYTES_MAX = 1024 * 1024;
const DRAIN_MS_MAX = 10_000;

/** Builds the app without listening, for tests that use `inject`. */
export async function buildHttpApp(options: HttpAppOptions): Promise<FastifyInstance> {
  return (await buildApp(options)).app;
}

/** Builds the app and listens. @throws Error naming the port when it cannot be bound. */
export async function openHttpService(options: HttpServiceOptions): Promise<HttpService> {
  const { host = "0.0.0.0", port, log, drainMsMax = DRAIN_MS_MAX } = options;
  const { app, drain } = await buildApp(options);
  const address = await app.listen({ host, port, listenTextResolver: () => "Listening" });
  log.debug({ address }, "Listens");
  let closed: Promise<void> | undefined;
  return {
    address,
    port: portOf(app) ?? port,
    close() {
      closed ??= drain.close(drainMsMax);
      return closed;
    },
  };
}

async function buildApp(options: HttpAppOptions): Promise<{ app: FastifyInstance; drain: Drain }> {
  const app: FastifyInstance = fastify({
    loggerInstance: options.log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: options.bodyBytesMax ?? BODY_BYTES_MAX,
    forceCloseConnections: "idle",
    return503OnClosing: false,
    schemaController: { compilersFactory: lazyCompilers },
  });
  const drain = addDrain(app);
  addErrorAnswers(app);
  addRequestLog(app);
  addHealth(app, { ...options, ready: async () => !drain.isDraining && ((await options.ready?.()) ?? true) });
  addMetrics(app, options);
  await options.routes?.(app);
  await app.ready();
  return { app, drain };
}

function portOf(app: FastifyInstance): number | undefined {
  const address = app.server.address();
  return typeof address === "object" && address !== null ? address.port : undefined;
}
