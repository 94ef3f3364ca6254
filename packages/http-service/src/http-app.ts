import { fastify, LogController } from "fastify";
import type { FastifyBaseLogger, FastifyInstance } from "fastify";
import { addErrorAnswers } from "./error-answers.ts";
import type { HttpAppOptions } from "./http-service.ts";
import { lazyCompilers } from "./lazy-compilers.ts";
import { addMetrics } from "./metrics.ts";
import { addRequestLog } from "./request-log.ts";

const BODY_BYTES_MAX = 1024 * 1024;

/** Builds what answers all but health; it listens nowhere. `isDraining` tells whether connections are to end. */
export async function makeHttpApp(options: HttpAppOptions, isDraining: () => boolean): Promise<FastifyInstance> {
  const app: FastifyInstance = fastify({
    loggerInstance: options.log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: options.bodyBytesMax ?? BODY_BYTES_MAX,
    return503OnClosing: false,
    schemaController: { compilersFactory: lazyCompilers },
  });
  // A kept-alive connection whose request ends after the server was closed would otherwise be used again.
  app.addHook("onSend", async (_request, reply) => {
    if (isDraining()) reply.header("connection", "close");
  });
  addErrorAnswers(app);
  addRequestLog(app);
  addMetrics(app, options);
  await options.routes?.(app);
  await app.ready();
  return app;
}
