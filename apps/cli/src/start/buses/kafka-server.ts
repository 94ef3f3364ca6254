import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { answersAsKafka } from "./broker-probes.ts";
import { findFreePort, type OwnServer, openOwnServer } from "./own-server.ts";
import { prepareBroker } from "./prepare-broker.ts";

/** A Kafka broker of ours on this machine's loopback, with its data in the data directory. */
export interface KafkaServer extends OwnServer {
  readonly port: number;
}

const READY_MS_MAX = 60_000;
const remedy =
  "For a Kafka of our own:\n  sudo apt-get install -y default-jre-headless\n  node scripts/brokers.mjs fetch\n" +
  "or name a running one: KAFKA_BOOTSTRAP_SERVERS=host:9092 npm start -- --bus kafka";

/**
 * Starts the broker, and starts it again whenever it ends by itself. `advertised` is where clients find it.
 * @throws StartError with the remedy when this machine has no Java or no Kafka.
 */
export async function openKafkaServer(
  dataDir: string,
  { advertised, say }: { readonly advertised: string; readonly say: (text: string) => void },
): Promise<KafkaServer> {
  const directory = join(dataDir, "kafka");
  const log = join(dataDir, "logs", "kafka.log");
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const port = await findFreePort();
  const place = ["--dir", directory, "--port", String(port), "--advertise", advertised, "--log", log];
  const { command, directAddress = "" } = prepareBroker("kafka", place, remedy);
  const isReady = (): Promise<boolean> => answersAsKafka({ host: "127.0.0.1", port });
  const server = openOwnServer({ name: "Kafka", command, log, readyMsMax: READY_MS_MAX, isReady, say });
  const ready = server.ready.then(() => say(`Kafka answers at ${directAddress} on this machine`));
  ready.catch(() => undefined);
  return { port, ready, close: () => server.close() };
}
