import type { FastifyInstance } from "fastify";
import type { Registry } from "prom-client";
import type { HttpAppOptions } from "./http-service.ts";

/** prom-client's module, handed to those who add metrics so that they need not load it themselves. */
export type PromClient = typeof import("prom-client");

/** Adds an app's metrics to the registry, mostly with `collect` functions that read numbers the app keeps anyway. */
export type AddMetrics = (registry: Registry, prom: PromClient) => void | Promise<void>;

/** /metrics in Prometheus' text format, with those of the process. Nothing is loaded or made before the first scrape. */
export function addMetrics(app: FastifyInstance, options: Pick<HttpAppOptions, "name" | "registry" | "metrics">): void {
  let registry: Promise<Registry> | undefined;
  app.get("/metrics", async (_request, reply) => {
    registry ??= makeRegistry(options);
    const { contentType, text } = await readRegistry(await registry);
    return reply.type(contentType).send(text);
  });
}

async function makeRegistry({
  name,
  registry: given,
  metrics,
}: Pick<HttpAppOptions, "name" | "registry" | "metrics">): Promise<Registry> {
  const prom = await loadPromClient();
  const registry = given ?? new prom.Registry();
  if (given === undefined) registry.setDefaultLabels({ app: name });
  prom.collectDefaultMetrics({ register: registry });
  await metrics?.(registry, prom);
  return registry;
}

async function loadPromClient(): Promise<PromClient> {
  const loaded = await import("prom-client");
  return loaded.default;
}

async function readRegistry(registry: Registry): Promise<{ contentType: string; text: string }> {
  return { contentType: registry.contentType, text: await registry.metrics() };
}
