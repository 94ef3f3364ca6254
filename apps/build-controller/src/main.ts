import { createLogger, runService } from "@kelvin/http-service";
import { loadKubeConfig, openKubeClient, openPodLogs, systemClock } from "@kelvin/kube";
import { openApp } from "./app.ts";
import { parseConfig } from "./config.ts";

const log = createLogger("build-controller", { level: process.env["LOG_LEVEL"] ?? "info" });

await runService(
  async () => {
    const config = parseConfig(process.env);
    const kubeConfig = await loadKubeConfig();
    const [kube, podLogs] = [openKubeClient(kubeConfig), openPodLogs(kubeConfig)];
    return await openApp(config, { kube, podLogs, clock: systemClock, log });
  },
  { log },
);
