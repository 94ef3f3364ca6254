import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { setPriority, tmpdir } from "node:os";
import { join } from "node:path";
import { findLastingPort } from "./lasting-port.ts";
import { kafkaJarsDir } from "./kafka-jars.ts";

/** What a broker may be told beyond the least. */
export interface KafkaServerOptions {
  /** The port of the client listener; a free one when it is not given. */
  readonly port?: number;
  /**
   * Told the port on which the client listener listens; gives the one that the broker tells clients to use, as of a proxy
   * in between. A Kafka client goes where the broker says, whatever address it began with.
   */
  readonly through?: (port: number) => Promise<number>;
}

/** A real Kafka broker, its own controller, on 127.0.0.1 and a directory of its own. */
export interface KafkaServer {
  /** Where clients reach it: through what `through` put in between. */
  readonly address: string;
  /** Past everything. */
  readonly directAddress: string;
  /** Asks for `kafkaLogin`, past everything. */
  readonly guardedAddress: string;
  /** Kills it with SIGKILL; the data stays. */
  kill(): Promise<void>;
  /** Starts it again on the same ports and data. Resolves when it takes requests. */
  start(): Promise<void>;
  /** Ends it and removes its data. */
  close(): Promise<void>;
}

/** Who may use the guarded listener. */
export const kafkaLogin = { username: "ada", password: "secret" } as const;

const READY_MS_MAX = 120_000;
/** What its log says last when it starts. */
const READY = "Kafka Server started";
const CLUSTER_ID = "a2VsdmluLWthZmthLXRlcw";
/** Below that of the tests, which wait for it but not it for them. */
const NICENESS = 10;

/** Starts a broker; jars and java must be there (`findKafkaProblem`). @throws Error when it does not start within two minutes */
export async function openKafkaServer(options: KafkaServerOptions = {}): Promise<KafkaServer> {
  const dir = mkdtempSync(join(tmpdir(), "kelvin-kafka-"));
  const ports: Ports = {
    client: options.port ?? (await findLastingPort()),
    internal: await findLastingPort(),
    guarded: await findLastingPort(),
    controller: await findLastingPort(),
  };
  const advertised = (await options.through?.(ports.client)) ?? ports.client;
  const config = join(dir, "server.properties");
  writeFileSync(config, formatConfig(dir, ports, advertised));
  writeFileSync(join(dir, "log4j.properties"), formatLogging());
  formatStorage(dir);

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
    kill: () => end("SIGKILL"),
    async start() {
      server = await startJvm(dir, config);
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

interface Ports {
  readonly client: number;
  readonly internal: number;
  readonly guarded: number;
  readonly controller: number;
}

function formatConfig(dir: string, ports: Ports, advertised: number): string {
  const { username, password } = kafkaLogin;
  const login = `org.apache.kafka.common.security.plain.PlainLoginModule required user_${username}="${password}";`;
  return [
    "process.roles=broker,controller",
    "node.id=1",
    `controller.quorum.voters=1@127.0.0.1:${ports.controller}`,
    "controller.listener.names=CONTROLLER",
    "inter.broker.listener.name=INTERNAL",
    `listeners=CLIENT://127.0.0.1:${ports.client},INTERNAL://127.0.0.1:${ports.internal},` +
      `GUARDED://127.0.0.1:${ports.guarded},CONTROLLER://127.0.0.1:${ports.controller}`,
    `advertised.listeners=CLIENT://127.0.0.1:${advertised},INTERNAL://127.0.0.1:${ports.internal},` +
      `GUARDED://127.0.0.1:${ports.guarded}`,
    "listener.security.protocol.map=CLIENT:PLAINTEXT,INTERNAL:PLAINTEXT,GUARDED:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT",
    "listener.name.guarded.sasl.enabled.mechanisms=PLAIN",
    `listener.name.guarded.plain.sasl.jaas.config=${login}`,
    `log.dirs=${join(dir, "data")}`,
    "offsets.topic.replication.factor=1",
    "offsets.topic.num.partitions=4",
    "transaction.state.log.replication.factor=1",
    "transaction.state.log.min.isr=1",
    "transaction.state.log.num.partitions=4",
    "group.initial.rebalance.delay.ms=0",
    "group.min.session.timeout.ms=1000",
    "broker.session.timeout.ms=3000",
    "auto.create.topics.enable=false",
    "",
  ].join("\n");
}

function formatLogging(): string {
  return [
    "log4j.rootLogger=WARN, out",
    "log4j.logger.kafka.server.KafkaRaftServer=INFO",
    "log4j.appender.out=org.apache.log4j.ConsoleAppender",
    "log4j.appender.out.layout=org.apache.log4j.PatternLayout",
    "log4j.appender.out.layout.ConversionPattern=%d %p %c: %m%n",
    "",
  ].join("\n");
}

/** One core's worth of compiling less: the broker of a test never gets as far as to need the better code. */
const JVM = ["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];

function javaArgs(dir: string, program: readonly string[]): string[] {
  return [...JVM, `-Dlog4j.configuration=file:${dir}/log4j.properties`, "-cp", `${kafkaJarsDir()}/*`, ...program];
}

/** As its own tool for that would write it: a broker that finds no metadata makes them. */
function formatStorage(dir: string): void {
  mkdirSync(join(dir, "data"));
  writeFileSync(
    join(dir, "data/meta.properties"),
    ["version=1", `cluster.id=${CLUSTER_ID}`, "node.id=1", ""].join("\n"),
  );
}

async function startJvm(dir: string, config: string): Promise<ChildProcess> {
  const server = spawn("java", javaArgs(dir, ["kafka.Kafka", config]), { stdio: ["ignore", "pipe", "pipe"] });
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
