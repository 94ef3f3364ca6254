import { createLogger, runService } from "@kelvin/http-service";
import { loadKubeConfig, openKubeClient } from "@kelvin/kube";
import { openActivator } from "./app.ts";
import { parseConfig } from "./config.ts";

const log = createLogger("activator");
const config = parseConfig(process.env);
const stopMarginMs = 5_000;

await runService(
  async () => {
    const kube = openKubeClient(await loadKubeConfig());
    const activator = await openActivator(config, { kube, log, requestLogOut: process.stdout });
    return {
      async close() {
        await activator.drain();
        await kube.close();
      },
    };
  },
  { log, stopMsMax: config.drain.lingerMs + config.drain.drainMsMax + stopMarginMs },
);
