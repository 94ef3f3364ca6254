import type { AppDeps } from "../app.ts";
import type { Config } from "../config.ts";
import { openStorage } from "../storage/storage.ts";
import { makeNodeImage } from "./make-node-image.ts";

/** Makes the Node image that the configuration names, from the Node that runs this. Sets the exit code. */
export async function runNodeImageMaker(config: Config, { clock, log }: AppDeps): Promise<void> {
  if (config.nodeImage === undefined) throw new Error("REGISTRY_NODE_IMAGE is not set");
  const startMs = clock.nowMs();
  const storage = openStorage({ ...config, clock });
  try {
    const outcome = await makeNodeImage(storage, {
      ...config.nodeImage,
      node: process.execPath,
      version: process.version,
    });
    const image = `${config.nodeImage.repository}:${config.nodeImage.tag}`;
    log.info({ image, outcome, durationMs: clock.nowMs() - startMs }, "Looked after the Node image");
  } catch (err) {
    log.error({ err }, "The Node image could not be made; images built on it cannot be either until the next start");
    process.exitCode = 1;
  }
}
