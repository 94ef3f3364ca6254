import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { setPriority, tmpdir } from "node:os";
import { join } from "node:path";
import { prepareKafka } from "./kafka-config.ts";
import { findLastingPort } from "./lasting-port.ts";

export { kafkaLogin } from "./kafka-config.ts";

/** What a broker may be told beyond the least. */
export interface KafkaServerOptions {
  /** The port of the client listener; a free one when it is not given. */
  readonly port?: number;
  /**
   * Told the port on which the client listener listens; gives the one that the broker tells clients to use, as of a proxy
   * in between. A Kafka client goes where the broker says, whatever address it began with.
   */
  readonly through?: (port: number) => Promise<number>;
  /** Has it speak TLS at one more port, with this certificate. All PEM; the key is PKCS #8. */
  readonly tls?: { readonly cert: string; readonly key: string };
}

/** A real Kafka broker, its own controller, on 127.0.0.1 and a directory of its own. */
export interface KafkaServer {
  /** Where clients reach it: through what `through` put in between. */
  readonly address: string;
  /** Past everything. */
  readonly directAddress: string;
  /** Asks for `kafkaLogin`, past everything. */
  readonly guardedAddress: string;
  /** Speaks TLS, past everything; undefined without a certificate. */
  readonly secureAddress: string | undefined;
  /** Kills it with SIGKILL; the data stays. */
  kill(): Promise<void>;
  /** Starts it again on the same ports and data. Resolves when it takes requests. */
  start(): Promise<void>;
  /** Ends it and removes its data. */
  close(): Promise<void>;
}

const READY_MS_MAX = 120_000;
/** What its log says last when it starts. */
const READY = "Kafka Server started";
/** Below that of the tests, which wait for it but not it for them. */
const NICENESS = 10;

/** Starts a broker; jars and java must be there (`findKafkaProblem`). @throws Error when it does not start within two minutes */
export async function openKafkaServer(options: KafkaServerOptions = {}): Promise<KafkaServer> {
  const dir = mkdtempSync(join(tmpdir(), "kelvin-kafka-"));
  const ports = {
    client: options.port ?? (await findLastingPort()),
    internal: await findLastingPort(),
    guarded: await findLastingPort(),
    controller: await findLastingPort(),
  };
  const advertised = (await options.through?.(ports.client)) ?? ports.client;
  const tls = options.tls === undefined ? undefined : { ...options.tls, port: await findLastingPort() };
  const place = { ports, advertised: `127.0.0.1:${advertised}`, ...(tls === undefined ? {} : { tls }) };
  const args = prepareKafka(dir, place);

  let server: ChildProcess | undefined;
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const ended = server;
    server = undefined;
    if (ended === undefined || ended.exitCode !== null || ended.signalCode !== null) return;
    const closed = new Promise((resolve) => ended.once("close", resolve));
    ended.kill(signal);
    await closed;
  };
  // A test that is ended from outside must not leave a JVM behind.
  const onExit = (): void => void server?.kill("SIGKILL");
  process.on("exit", onExit);
  const running: KafkaServer = {
    address: `127.0.0.1:${advertised}`,
    directAddress: `127.0.0.1:${ports.internal}`,
    guardedAddress: `127.0.0.1:${ports.guarded}`,
    secureAddress: tls && `127.0.0.1:${tls.port}`,
    kill: () => end("SIGKILL"),
    async start() {
      server = await startJvm(args);
    },
    async close() {
      await end("SIGKILL");
      process.off("exit", onExit);
      if (existsSync(dir)) rmSync(dir, { recursive: true, force: true });
    },
  };
  try {
    await running.start();
  } catch (error) {
    await running.close();
    throw error;
  }
  return running;
}

async function startJvm(args: readonly string[]): Promise<ChildProcess> {
  const server = spawn("java", args, { stdio: ["ignore", "pipe", "pipe"] });
  if (server.pid !== undefined) setPriority(server.pid, NICENESS);
  let said = "";
  const ready = new Promise<boolean>((resolve) => {
    const timer = setTimeout(() => resolve(false), READY_MS_MAX);
    const hear = (piece: Buffer): void => {
      said = (said + piece.toString()).slice(-8_192);
      if (!said.includes(READY)) return;
      clearTimeout(timer);
      resolve(true);
    };
    server.stdout.on("data", hear);
    server.stderr.on("data", hear);
    server.once("close", () => {
      clearTimeout(timer);
      resolve(false);
    });
  });
  if (await ready) return server;
  server.kill("SIGKILL");
  throw new Error(`Kafka did not start: ${said}`);
}
