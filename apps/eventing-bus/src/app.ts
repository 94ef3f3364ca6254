import type { Logger, RunningService } from "@kelvin/http-service";
import type { Role } from "./config.ts";

/** Opens what the role needs and nothing of the other: neither pays for the other's code. */
export async function openApp(role: Role, env: NodeJS.ProcessEnv, log: Logger): Promise<RunningService> {
  return role === "control" ? openControlRole(env, log) : openBusRole(env, log);
}

async function openControlRole(env: NodeJS.ProcessEnv, log: Logger): Promise<RunningService> {
  const [{ parseControlConfig }, { openControl }, { openBusWatch }, { loadKubeConfig, openKubeClient, systemClock }] =
    await Promise.all([
      import("./control/config.ts"),
      import("./control/app.ts"),
      import("./control/bus-watch/open-bus-watch.ts"),
      import("@kelvin/kube"),
    ]);
  const config = parseControlConfig(env);
  const kube = openKubeClient(await loadKubeConfig());
  const { systemNamespace } = config;
  const watch = { kube, systemNamespace, clock: systemClock, log };
  return await openControl(config, { kube, clock: systemClock, log, openBusWatch: () => openBusWatch(watch) });
}

async function openBusRole(env: NodeJS.ProcessEnv, log: Logger): Promise<RunningService> {
  const [{ parseBusConfig }, { openBus }, { loadKubeConfig, openKubeClient, systemClock }] = await Promise.all([
    import("./bus/config.ts"),
    import("./bus/app.ts"),
    import("@kelvin/kube"),
  ]);
  const config = parseBusConfig(env);
  const kube = openKubeClient(await loadKubeConfig());
  const bus = await openBus(config, { kube, clock: systemClock, log });
  return {
    async close() {
      await bus.close();
      await kube.close();
    },
  };
}
