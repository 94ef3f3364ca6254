import { createLogger, runService } from "@kelvin/http-service";
import { loadKubeConfig, openKubeClient, systemClock } from "@kelvin/kube";
import { httpActivatorClient } from "./activators/activator-client.ts";
import { openApp } from "./app.ts";
import { parseConfig } from "./config.ts";

const log = createLogger("autoscaler", { level: process.env["LOG_LEVEL"] ?? "info" });

await runService(
  async () => {
    const config = parseConfig(process.env);
    const kube = openKubeClient(await loadKubeConfig());
    return await openApp(config, { kube, client: httpActivatorClient, clock: systemClock, log });
  },
  { log },
);
