import { readFile } from "node:fs/promises";
import { openHttpService, type Logger, type RunningService } from "@kelvin/http-service";
import { addDistributionApi } from "./api/serve.ts";
import { openAuthentication } from "./authentication.ts";
import type { Clock } from "./clock.ts";
import type { Config } from "./config.ts";
import { parseHtpasswd } from "./htpasswd.ts";
import { openNodeImageMaker, type NodeImageMaker } from "./node-image/open-node-image-maker.ts";
import { collectGarbage } from "./storage/collect-garbage.ts";
import { openStorage, type Storage } from "./storage/storage.ts";

/** What the registry needs from outside. */
export interface AppDeps {
  readonly clock: Clock;
  readonly log: Logger;
}

/** The registry, and where it listens. */
export interface RegistryApp extends RunningService {
  readonly port: number;
}

const collectionDelayMs = 60 * 60 * 1000;

/** Composes the registry and starts it. */
export async function openApp(config: Config, { clock, log }: AppDeps): Promise<RegistryApp> {
  const users =
    config.htpasswdFile === undefined ? undefined : parseHtpasswd(await readFile(config.htpasswdFile, "utf8"));
  const storage = openStorage({ ...config, clock });
  let maker: NodeImageMaker | undefined;
  const http = await openHttpService({
    name: "registry",
    host: config.host,
    port: config.port,
    log,
    routes: (app) =>
      addDistributionApi(app, {
        storage,
        authenticate: users === undefined ? undefined : openAuthentication(users),
        // Who builds right after the start would otherwise be told that there is no such image.
        async awaitImage(repository, tag) {
          if (repository === config.nodeImage?.repository && tag === config.nodeImage.tag) await maker?.ended;
        },
        log,
      }),
  });
  if (config.nodeImage !== undefined) maker = openNodeImageMaker({ log });
  const stop = new AbortController();
  const collecting = collectNowAndThen(storage, { clock, log, signal: stop.signal });
  return {
    port: http.port,
    async close() {
      stop.abort();
      await Promise.all([http.close(), collecting, maker?.close()]);
    },
  };
}

interface Collecting extends AppDeps {
  readonly signal: AbortSignal;
}

/** Not at once: a start is when others want the disk. */
async function collectNowAndThen(storage: Storage, { clock, log, signal }: Collecting): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(collectionDelayMs, signal);
    if (signal.aborted) return;
    try {
      log.info(await collectGarbage(storage, { clock }), "Collected garbage");
    } catch (err) {
      log.error({ err }, "Collecting garbage failed");
    }
  }
}
