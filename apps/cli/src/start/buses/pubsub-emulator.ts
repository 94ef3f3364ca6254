import { join } from "node:path";
import { isListening } from "./broker-probes.ts";
import { findFreePort, type OwnServer, openOwnServer } from "./own-server.ts";
import { prepareBroker } from "./prepare-broker.ts";

/** An emulator of Pub/Sub of ours on this machine's loopback. It keeps nothing over its end. */
export interface PubSubEmulator extends OwnServer {
  readonly port: number;
}

const READY_MS_MAX = 60_000;
const remedy =
  "For an emulator of our own:\n  sudo apt-get install -y default-jre-headless\n" +
  "  gcloud components install pubsub-emulator   (or PUBSUB_EMULATOR_JAR=<its jar>)\n" +
  "or name a running one: PUBSUB_EMULATOR_HOST=host:8085 npm start -- --bus gcppubsub\n" +
  "or a project of yours: GOOGLE_CLOUD_PROJECT=<id> GOOGLE_APPLICATION_CREDENTIALS=<key.json> npm start -- --bus gcppubsub";

/** Starts the emulator, and starts it again whenever it ends by itself. @throws StartError with the remedy when there is none. */
export async function openPubSubEmulator(dataDir: string, say: (text: string) => void): Promise<PubSubEmulator> {
  const port = await findFreePort();
  const { command } = prepareBroker("gcppubsub", ["--port", String(port)], remedy);
  const server = openOwnServer({
    name: "the Pub/Sub emulator",
    command,
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
