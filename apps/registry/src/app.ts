import { readFile } from "node:fs/promises";
import { openHttpService, type Logger, type RunningService } from "@kelvin/http-service";
import { complainOfRepository } from "@kelvin/oci";
import type { Config } from "./config.ts";
import { parseHtpasswd } from "./htpasswd.ts";

/** What the registry needs from outside. */
export interface AppDeps {
  readonly log: Logger;
}

/** Composes the registry and starts it. */
export async function openApp(config: Config, { log }: AppDeps): Promise<RunningService> {
  const users =
    config.htpasswdFile === undefined ? undefined : parseHtpasswd(await readFile(config.htpasswdFile, "utf8"));
  log.debug({ hasUsers: users !== undefined, example: complainOfRepository("kelvin/node") ?? "good" }, "Read users");
  const http = await openHttpService({
    name: "registry",
    host: config.host,
    port: config.port,
    log,
    routes: (fastify) => {
      fastify.get("/v2/", (_request, reply) =>
        reply.header("docker-distribution-api-version", "registry/2.0").send({}),
      );
    },
  });
  return http;
}
