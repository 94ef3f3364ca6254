import type { FastifyInstance } from "fastify";

/** Asked every few seconds by probes and scrapers: a line for each would drown the rest. */
const UNLOGGED_PATHS = new Set(["/healthz", "/readyz", "/metrics"]);

/** One line for each request once it is answered, but for health and metrics. */
export function addRequestLog(app: FastifyInstance): void {
  app.addHook("onResponse", (request, reply, done) => {
    const path = request.routeOptions.url ?? request.url.split("?")[0] ?? "";
    if (!UNLOGGED_PATHS.has(path)) {
      const { method } = request;
      const { statusCode, elapsedTime } = reply;
      request.log.info({ method, path, statusCode, durationMs: Math.round(elapsedTime) }, "Answered a request");
    }
    done();
  });
}
