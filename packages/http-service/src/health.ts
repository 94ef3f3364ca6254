import type { FastifyInstance } from "fastify";
import type { HttpAppOptions } from "./http-service.ts";

/** /healthz tells that the process runs its event loop; /readyz that it can do its work. */
export function addHealth(app: FastifyInstance, { ready, log }: Pick<HttpAppOptions, "ready" | "log">): void {
  app.get("/healthz", (_request, reply) => reply.type("text/plain").send("ok"));
  app.get("/readyz", async (_request, reply) => {
    const isReady = await askReady(ready, log);
    return reply
      .code(isReady ? 200 : 503)
      .type("text/plain")
      .send(isReady ? "ok" : "not ready");
  });
}

async function askReady(ready: HttpAppOptions["ready"], log: HttpAppOptions["log"]): Promise<boolean> {
  try {
    return (await ready?.()) ?? true;
  } catch (err) {
    log.warn({ err }, "Readiness check failed");
    return false;
  }
}
