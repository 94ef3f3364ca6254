import { createLogger, runService, type RunningService } from "@kelvin/http-service";
import { parseRole } from "./config.ts";

const role = parseRole(process.env);
const component = role === "control" ? "eventing-controller" : "eventing-bus";
const log = createLogger(component, { level: process.env["LOG_LEVEL"] ?? "info" });

await runService(role === "control" ? openControlRole : openBusRole, { log });

async function openControlRole(): Promise<RunningService> {
  const [{ parseControlConfig }, { openControl }, { loadKubeConfig, openKubeClient, systemClock }] = await Promise.all([
    import("./control/config.ts"),
    import("./control/app.ts"),
    import("@kelvin/kube"),
  ]);
  const config = parseControlConfig(process.env);
  const kube = openKubeClient(await loadKubeConfig());
  return await openControl(config, { kube, clock: systemClock, log });
}

async function openBusRole(): Promise<RunningService> {
  const [{ readFileSync }, { openStubBus, systemClock }, { openApp }, { parseConfig }, { parseStreams }] =
    await Promise.all([
      import("node:fs"),
      import("@kelvin/bus"),
      import("./app.ts"),
      import("./config.ts"),
      import("./streams-file.ts"),
    ]);
  const config = parseConfig(process.env);
  const streams = parseStreams(readFileSync(config.streamsFile, "utf8"));
  return await openApp(config, streams, { bus: openStubBus(), clock: systemClock, log });
}
