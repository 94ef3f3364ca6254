import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { StartError } from "../usage-error.ts";
import { greetsAsNats } from "./greets-as-nats.ts";
import { toolPath } from "./cluster-process.ts";
import { bindFreeHostPort } from "./host-ports.ts";
import { readLogTail } from "./log-tail.ts";

/** A nats-server of ours on this machine's loopback, with JetStream in the data directory. */
export interface NatsServer {
  readonly port: number;
  readonly user: string;
  readonly password: string;
  close(): Promise<void>;
}

const program = "nats-server";
const user = "kelvin";
const ANSWER_DEADLINE_MS = 10_000;
const POLL_MS = 20;
const RESTART_DELAY_MS = 1_000;

/**
 * Starts the server and starts it again whenever it ends by itself. It ends with this process, however that ends.
 * @throws StartError with the remedy when there is no such program, or with its last words when it does not answer.
 */
export async function openNatsServer(dataDir: string, say: (text: string) => void): Promise<NatsServer> {
  requireProgram();
  const directory = join(dataDir, "nats");
  const log = join(dataDir, "logs", "nats-server.log");
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  mkdirSync(join(dataDir, "logs"), { recursive: true });
  const password = keepPassword(join(directory, "password"));
  const port = await findFreePort();
  const config = join(directory, "nats.conf");
  writeFileSync(config, formatConfig({ port, password, log, store: join(directory, "jetstream") }), { mode: 0o600 });

  let isClosing = false;
  let server = run(config, restart);
  function restart(): void {
    if (isClosing) return;
    say(`${program} has ended; starting it again. Its log is ${log}`);
    setTimeout(() => {
      if (!isClosing) server = run(config, restart);
    }, RESTART_DELAY_MS).unref();
  }

  async function close(): Promise<void> {
    isClosing = true;
    await end(server);
  }
  if (!(await answersInTime(port))) {
    await close();
    throw new StartError(`${program} does not answer. Last lines of ${log}:\n${readLogTail(log)}`);
  }
  return { port, user, password, close };
}

function requireProgram(): void {
  const { status } = spawnSync(program, ["--version"], { env: toolEnvironment() });
  if (status === 0) return;
  throw new StartError(
    `--bus nats needs a NATS server with JetStream: install one (Debian's package ${program}), so that ${program} is on PATH, ` +
      "or name a running one: NATS_URL=nats://host:4222 npm start -- --bus nats",
  );
}

function toolEnvironment(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: toolPath(process.env.PATH) };
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

async function findFreePort(): Promise<number> {
  const { port, servers } = await bindFreeHostPort();
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return port;
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

function run(config: string, onEnd: () => void): ChildProcess {
  const child = spawn("setpriv", ["--pdeathsig", "KILL", program, "-c", config], {
    // A session of its own: Ctrl-C reaches every process of the terminal's group, and the buses are to stop first.
    detached: true,
    stdio: "ignore",
    env: toolEnvironment(),
  });
  child.once("exit", onEnd);
  child.once("error", onEnd);
  return child;
}

async function end(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null || server.pid === undefined) return;
  const ended = new Promise((resolve) => server.once("exit", resolve));
  server.kill("SIGTERM");
  await ended;
}

async function answersInTime(port: number): Promise<boolean> {
  const endMs = performance.now() + ANSWER_DEADLINE_MS;
  while (performance.now() < endMs) {
    if (await greetsAsNats({ host: "127.0.0.1", port })) return true;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return false;
}
