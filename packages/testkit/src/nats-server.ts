import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { answers } from "./answers.ts";
import { findLastingPort } from "./lasting-port.ts";

const program = "nats-server";
/** A busy machine takes its time, above all for a server that was killed. */
const START_MS_MAX = 30_000;
const LOG_CHARS_MAX = 4_000;

/** Why there can be no NATS server here, or undefined when there can. */
export function findNatsProblem(): string | undefined {
  const found = spawnSync(program, ["--version"], { encoding: "utf8" });
  return found.status === 0 ? undefined : `no ${program} on PATH: install Debian's package nats-server`;
}

/** What a server may be told beyond the least. */
export interface NatsServerOptions {
  /** Greatest message in bytes; default 1 MiB, as the server's own. */
  readonly maxPayloadBytes?: number;
  /** Without it nothing is kept: default true. */
  readonly hasJetStream?: boolean;
  /** How many bytes all streams together may keep; default 4 GB. */
  readonly storedBytesMax?: number;
  /** Asks every client for these. */
  readonly credentials?: { readonly user: string; readonly password: string };
}

/** A real nats-server with JetStream, on 127.0.0.1 and a directory of its own. */
export interface NatsServer {
  readonly port: number;
  readonly url: string;
  /** Where it keeps streams and consumers, for tests that damage what a kill may damage. */
  readonly dataDir: string;
  /** Kills it with SIGKILL; the data stays. */
  kill(): Promise<void>;
  /** What it asks of clients from its next start on. */
  setCredentials(credentials: NonNullable<NatsServerOptions["credentials"]>): void;
  /** Starts it again on the same port and data. */
  start(): Promise<void>;
  /** Ends it and removes its data. */
  close(): Promise<void>;
}

/** Starts a server. @throws Error when it does not answer in 30 s. */
export async function openNatsServer(options: NatsServerOptions = {}): Promise<NatsServer> {
  const dir = mkdtempSync(join(tmpdir(), "kelvin-nats-"));
  const port = await findLastingPort();
  const config = join(dir, "nats.conf");
  mkdirSync(join(dir, "data"));
  writeFileSync(config, formatConfig(dir, { port, options }));
  let server: ChildProcess | undefined;
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const ended = server;
    server = undefined;
    if (ended === undefined || ended.exitCode !== null) return;
    const closed = new Promise((resolve) => ended.once("close", resolve));
    ended.kill(signal);
    await closed;
  };
  const running: NatsServer = {
    port,
    url: `nats://127.0.0.1:${port}`,
    dataDir: join(dir, "data"),
    kill: () => end("SIGKILL"),
    setCredentials(credentials) {
      writeFileSync(config, formatConfig(dir, { port, options: { ...options, credentials } }));
    },
    async start() {
      // What it says when it dies in the middle of its work goes nowhere else.
      const log = openSync(join(dir, "log"), "a");
      const started = spawn(program, ["-c", config], { stdio: ["ignore", "ignore", log] });
      closeSync(log);
      server = started;
      // It greets whoever connects; only then is it ready.
      const hasEnded = (): boolean => started.exitCode !== null;
      if (await answers(port, { by: "data", msMax: START_MS_MAX, hasEnded })) return;
      const how = started.exitCode === null ? `did not answer on port ${port}` : `ended with ${started.exitCode}`;
      await end("SIGKILL");
      throw new Error(`${program} ${how}; its log ends with:\n${readEnd(join(dir, "log"))}`);
    },
    async close() {
      await end("SIGTERM");
      if (existsSync(dir)) rmSync(dir, { recursive: true, force: true });
    },
  };
  await running.start();
  return running;
}

function formatConfig(
  dir: string,
  { port, options }: { readonly port: number; readonly options: NatsServerOptions },
): string {
  const { credentials, maxPayloadBytes, hasJetStream = true, storedBytesMax = 4_000_000_000 } = options;
  return [
    "host: 127.0.0.1",
    `port: ${port}`,
    `log_file: "${join(dir, "log")}"`,
    ...(maxPayloadBytes === undefined ? [] : [`max_payload: ${maxPayloadBytes}`]),
    ...(credentials === undefined
      ? []
      : [`authorization { user: "${credentials.user}", password: "${credentials.password}" }`]),
    ...(hasJetStream
      ? [`jetstream { store_dir: "${join(dir, "data")}", max_mem: 64MB, max_file: ${storedBytesMax} }`]
      : []),
    "",
  ].join("\n");
}

function readEnd(file: string): string {
  return existsSync(file) ? readFileSync(file, "utf8").slice(-LOG_CHARS_MAX) : "";
}
