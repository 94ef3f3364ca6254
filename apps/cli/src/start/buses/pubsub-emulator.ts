import { spawnSync } from "node:child_process";
import { existsSync, globSync } from "node:fs";
import { join } from "node:path";
import { StartError } from "../../usage-error.ts";
import { isListening } from "./broker-probes.ts";
import type { Environment } from "./bus.ts";
import { findFreePort, type OwnServer, openOwnServer, toolEnvironment } from "./own-server.ts";

/** An emulator of Pub/Sub of ours on this machine's loopback. It keeps nothing over its end. */
export interface PubSubEmulator extends OwnServer {
  readonly port: number;
}

const READY_MS_MAX = 60_000;
/** Where gcloud is when a package has installed it. */
const gcloudRoots = ["/usr/lib/google-cloud-sdk", "/opt/google-cloud-sdk", "/usr/share/google-cloud-sdk"];

/** Starts the emulator, and starts it again whenever it ends by itself. @throws StartError with the remedy when there is none. */
export async function openPubSubEmulator(
  dataDir: string,
  environment: Environment,
  say: (text: string) => void,
): Promise<PubSubEmulator> {
  const jar = requireJar(environment);
  const port = await findFreePort();
  const server = openOwnServer({
    name: "the Pub/Sub emulator",
    command: ["java", "-Xmx256m", "-jar", jar, "--host=127.0.0.1", `--port=${port}`],
    log: join(dataDir, "logs", "pubsub-emulator.log"),
    printsLog: true,
    readyMsMax: READY_MS_MAX,
    isReady: () => isListening({ host: "127.0.0.1", port }),
    say,
  });
  const ready = server.ready.then(() =>
    say(`The Pub/Sub emulator answers at 127.0.0.1:${port} on this machine; it forgets everything when it ends`),
  );
  ready.catch(() => undefined);
  return { port, ready, close: () => server.close() };
}

function requireJar(environment: Environment): string {
  const jar = findJar(environment);
  const hasJava = spawnSync("java", ["-version"], { env: toolEnvironment() }).status === 0;
  if (jar !== undefined && hasJava) return jar;
  const missing = jar === undefined ? "the Pub/Sub emulator is not installed" : "no java on PATH";
  throw new StartError(
    `--bus gcppubsub: ${missing}. For an emulator of our own:\n` +
      "  sudo apt-get install -y default-jre-headless\n  gcloud components install pubsub-emulator   (or PUBSUB_EMULATOR_JAR=<its jar>)\n" +
      "or name a running one: PUBSUB_EMULATOR_HOST=host:8085 npm start -- --bus gcppubsub\n" +
      "or a project of yours: GOOGLE_CLOUD_PROJECT=<id> GOOGLE_APPLICATION_CREDENTIALS=<key.json> npm start -- --bus gcppubsub",
  );
}

function findJar(environment: Environment): string | undefined {
  const named = environment["PUBSUB_EMULATOR_JAR"] ?? "";
  if (named !== "") {
    if (existsSync(named)) return named;
    throw new StartError(`PUBSUB_EMULATOR_JAR: there is no ${named}`);
  }
  const roots = [environment["CLOUDSDK_ROOT_DIR"] ?? "", ...gcloudRoots].filter((root) => root !== "");
  const found = roots.flatMap((root) => globSync(join(root, "platform/pubsub-emulator/lib/*.jar")));
  return found.find((file) => file.includes("pubsub-emulator"));
}
