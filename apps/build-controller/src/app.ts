import { openHttpService, type Logger, type RunningService } from "@kelvin/http-service";
import type { Config } from "./config.ts";

/** What the build-controller needs from outside. */
export interface AppDeps {
  readonly log: Logger;
}

/** Composes the build-controller and starts it. */
export async function openApp(config: Config, { log }: AppDeps): Promise<RunningService> {
  return await openHttpService({ name: "build-controller", host: config.host, port: config.internalPort, log });
}
