import { spawn, type ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A running Kelvin, started as a user starts it. */
export interface Kelvin {
  readonly process: ChildProcess;
  readonly dataDir: string;
  readonly httpPort: number;
  readonly localPort: number;
  readonly apiPort: number;
  readonly kubeconfig: string;
  /** From the spawn to the ready line. */
  readonly readyMs: number;
  /** Everything it printed on stderr so far. */
  log(): string;
  /** Sends the signal and resolves with the exit code once it is gone. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

/** What may be asked of `openKelvin`. */
export interface KelvinOptions {
  dataDir?: string;
  args?: readonly string[];
  /** Ports of an earlier run, to start again on the same. */
  ports?: { httpPort: number; apiPort: number };
  /** Words before `npm start`, for one that is to run somewhere else than we. */
  wrapper?: readonly string[];
}

const readyLine =
  /^Kelvin is ready: http=http:\/\/\S+:(?<http>\d+)\/? local=http:\/\/\S+:(?<local>\d+)\/? api=https:\/\/\S+:(?<api>\d+)\/? kubeconfig=(?<kubeconfig>\S+)$/m;
const startMsMax = 90_000;

/** Runs `npm start -- ...` on free ports and resolves once it says that it is ready. */
export async function openKelvin(options: KelvinOptions = {}): Promise<Kelvin> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), "kelvin-e2e-")));
  const { httpPort, apiPort } = options.ports ?? (await freePorts());
  const startMs = performance.now();
  const ports = ["--http-port", String(httpPort), "--api-port", String(apiPort)];
  const images = ["--images-dir", join(import.meta.dirname, "apps")];
  const npm = ["npm", "start", "--", "--data-dir", dataDir, ...ports, ...images, ...(options.args ?? [])];
  const [file = "", ...args] = [...(options.wrapper ?? []), ...npm];
  const child = spawn(file, args, {
    stdio: ["ignore", "pipe", "pipe"],
    cwd: join(import.meta.dirname, ".."),
  });
  let out = "";
  let log = "";
  child.stderr.on("data", (chunk: Buffer) => void (log += chunk.toString()));
  const exited = new Promise<number | null>((resolve) => void child.once("exit", resolve));
  const found = await new Promise<Record<string, string>>((resolve, reject) => {
    const timer = setTimeout(() => {
      // Nobody else could end it.
      child.kill();
      reject(new Error(`not ready after ${startMsMax} ms:\n${log}`));
    }, startMsMax);
    child.stdout.on("data", (chunk: Buffer) => {
      out += chunk.toString();
      const match = readyLine.exec(out);
      if (match?.groups === undefined) return;
      clearTimeout(timer);
      resolve(match.groups);
    });
    child.once("exit", (code) => {
      clearTimeout(timer);
      reject(new Error(`npm start ended with ${code}:\n${out}\n${log}`));
    });
  });
  return {
    process: child,
    dataDir,
    httpPort,
    localPort: Number(found["local"]),
    apiPort,
    kubeconfig: found["kubeconfig"] ?? "",
    readyMs: performance.now() - startMs,
    log: () => log,
    async stop(signal = "SIGTERM") {
      child.kill(signal);
      return await exited;
    },
  };
}

/** Removes what a test's Kelvin stored. */
export async function removeDataDir(kelvin: Kelvin): Promise<void> {
  await rm(kelvin.dataDir, { recursive: true, force: true });
}

/** Pid of the supervisor: npm may or may not be in between. */
export function supervisorPid({ dataDir }: Pick<Kelvin, "dataDir">): number {
  return Number(/\d+/.exec(readFileSync(join(dataDir, "lock"), "utf8"))?.[0]);
}

/** Two free neighbouring ports for the gateways and one for the API. */
async function freePorts(): Promise<{ httpPort: number; apiPort: number }> {
  for (let attempt = 0; attempt < 50; attempt += 1) {
    const httpPort = 20_000 + Math.floor(Math.random() * 10_000) * 2;
    const apiPort = httpPort + 20_001;
    const free = await Promise.all([httpPort, httpPort + 1, apiPort].map(isFree));
    if (free.every(Boolean)) return { httpPort, apiPort };
  }
  throw new Error("found no three free ports in 50 tries");
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
