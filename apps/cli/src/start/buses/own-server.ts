import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { StartError } from "../../usage-error.ts";
import { toolPath } from "../cluster-process.ts";
import { bindFreeHostPort } from "../host-ports.ts";
import { readLogTail } from "../log-tail.ts";

/** A broker that we run. */
export interface OwnServer {
  /** Resolves when it takes requests. @throws StartError with its last words when that takes too long. */
  readonly ready: Promise<void>;
  close(): Promise<void>;
}

export interface OwnServerOptions {
  /** As people call it. */
  readonly name: string;
  readonly command: readonly string[];
  /** Where its log is. */
  readonly log: string;
  /** Whether what it prints is its log; it begins anew with each run. Else what it prints is dropped. */
  readonly printsLog?: boolean;
  readonly readyMsMax: number;
  readonly isReady: () => Promise<boolean>;
  readonly say: (text: string) => void;
}

const POLL_MS = 20;
const RESTART_DELAY_MS = 1_000;
/** It keeps its data over a kill, and a stop of everything has 15 s in all. */
const END_MS_MAX = 2_000;

/** What programs of this machine are run with. */
export function toolEnvironment(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: toolPath(process.env.PATH) };
}

/** Starts a broker, and starts it again whenever it ends by itself. It ends with this process, however that ends. */
export function openOwnServer(options: OwnServerOptions): OwnServer {
  const { name, log, say } = options;
  mkdirSync(dirname(log), { recursive: true });
  let isClosing = false;
  let server = run(options, restart);

  function restart(): void {
    if (isClosing) return;
    say(`${name} has ended; starting it again. Its log is ${log}`);
    setTimeout(() => {
      if (!isClosing) server = run(options, restart);
    }, RESTART_DELAY_MS).unref();
  }

  async function close(): Promise<void> {
    isClosing = true;
    await end(server);
  }

  async function awaitReady(): Promise<void> {
    const endMs = performance.now() + options.readyMsMax;
    while (performance.now() < endMs && !isClosing) {
      if (await options.isReady()) return;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    if (!isClosing) throw new StartError(`${name} does not answer. Last lines of ${log}:\n${readLogTail(log)}`);
  }

  const ready = awaitReady();
  // Who waits for it is told; nobody may have come as far.
  ready.catch(() => undefined);
  return { ready, close };
}

/** A port that is free on this machine's loopback. */
export async function findFreePort(): Promise<number> {
  const { port, servers } = await bindFreeHostPort();
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return port;
}

function run({ command, log, printsLog = false }: OwnServerOptions, onEnd: () => void): ChildProcess {
  const out = printsLog ? openSync(log, "w") : "ignore";
  const child = spawn("setpriv", ["--pdeathsig", "KILL", ...command], {
    // A session of its own: Ctrl-C reaches every process of the terminal's group, and the buses are to stop first.
    detached: true,
    stdio: ["ignore", out, out],
    env: toolEnvironment(),
  });
  if (out !== "ignore") closeSync(out);
  child.once("exit", onEnd);
  child.once("error", onEnd);
  return child;
}

async function end(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null || server.pid === undefined) return;
  const ended = new Promise((resolve) => server.once("exit", resolve));
  server.kill("SIGTERM");
  const patience = setTimeout(() => server.kill("SIGKILL"), END_MS_MAX);
  await ended;
  clearTimeout(patience);
}
