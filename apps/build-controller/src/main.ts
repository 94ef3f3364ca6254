import { createLogger, runService } from "@kelvin/http-service";
import { loadKubeConfig, openKubeClient, systemClock } from "@kelvin/kube";
import { openApp } from "./app.ts";
import { parseConfig } from "./config.ts";

const log = createLogger("build-controller", { level: process.env["LOG_LEVEL"] ?? "info" });

await runService(
  async () => {
    const config = parseConfig(process.env);
    const kube = openKubeClient(await loadKubeConfig());
    return await openApp(config, { kube, clock: systemClock, log });
  },
  { log },
);
