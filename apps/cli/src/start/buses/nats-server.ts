import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { StartError } from "../../usage-error.ts";
import { greetsAsNats } from "./broker-probes.ts";
import { findFreePort, openOwnServer, toolEnvironment } from "./own-server.ts";

/** A nats-server of ours on this machine's loopback, with JetStream in the data directory. */
export interface NatsServer {
  readonly port: number;
  readonly user: string;
  readonly password: string;
  close(): Promise<void>;
}

const program = "nats-server";
const user = "kelvin";
const READY_MS_MAX = 10_000;

/**
 * Starts the server, and starts it again whenever it ends by itself.
 * @throws StartError with the remedy when there is no such program, or with its last words when it does not answer.
 */
export async function openNatsServer(dataDir: string, say: (text: string) => void): Promise<NatsServer> {
  requireProgram();
  const directory = join(dataDir, "nats");
  const log = join(dataDir, "logs", "nats-server.log");
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const password = keepPassword(join(directory, "password"));
  const port = await findFreePort();
  const config = join(directory, "nats.conf");
  writeFileSync(config, formatConfig({ port, password, log, store: join(directory, "jetstream") }), { mode: 0o600 });
  const server = openOwnServer({
    name: program,
    command: [program, "-c", config],
    log,
    readyMsMax: READY_MS_MAX,
    isReady: () => greetsAsNats({ host: "127.0.0.1", port }),
    say,
  });
  try {
    await server.ready;
  } catch (error) {
    await server.close();
    throw error;
  }
  return { port, user, password, close: () => server.close() };
}

function requireProgram(): void {
  const { status } = spawnSync(program, ["--version"], { env: toolEnvironment() });
  if (status === 0) return;
  throw new StartError(
    `--bus nats needs a NATS server with JetStream: install one (Debian's package ${program}), so that ${program} is on PATH, ` +
      "or name a running one: NATS_URL=nats://host:4222 npm start -- --bus nats",
  );
}

/** The same in every life of the data directory: Pods of the last one start with what they were given then. */
function keepPassword(file: string): string {
  try {
    const kept = readFileSync(file, "utf8");
    if (kept !== "") return kept;
  } catch {
    // The first start.
  }
  const password = randomBytes(24).toString("hex");
  writeFileSync(file, password, { mode: 0o600 });
  return password;
}

interface ServerPlace {
  port: number;
  password: string;
  log: string;
  store: string;
}

/** Streams reserve what they may come to hold, which is far more than they do. */
function formatConfig({ port, password, log, store }: ServerPlace): string {
  return [
    "host: 127.0.0.1",
    `port: ${port}`,
    `log_file: ${JSON.stringify(log)}`,
    "log_size_limit: 10MB",
    `authorization { user: ${user}, password: "${password}" }`,
    `jetstream { store_dir: ${JSON.stringify(store)}, max_mem: 64MB, max_file: 1TB }`,
    "",
  ].join("\n");
}
