import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";
import { makeRawClient, type RawClient } from "../src/api-server/testing/raw-client.ts";

// The API server as a process of its own, which can be killed.

export interface ServerProcess {
  readonly pid: number;
  readonly url: string;
  readonly adminToken: string;
  readonly caCert: string;
  readonly client: RawClient;
  /** Ends it, at once by default. Resolves when it is gone. */
  kill(signal?: "SIGKILL" | "SIGTERM"): Promise<void>;
}

const program = join(import.meta.dirname, "..", "src", "api-server", "dev.ts");

/** Starts a server on a data directory. @throws with what it said when it ends before it is ready */
export async function startServerProcess(directory: string): Promise<ServerProcess> {
  const kubeconfig = join(directory, "kubeconfig");
  const args = ["--conditions=@kelvin/source", program, kubeconfig, "0", directory];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
  let errors = "";
  child.stderr.on("data", (chunk) => (errors += String(chunk)));
  const isReady = await Promise.race([
    once(child.stdout, "data").then(() => true),
    once(child, "exit").then(() => false),
  ]);
  if (!isReady) throw new Error(`the server ended with ${String(child.exitCode)}: ${errors}`);
  const access = parseAccess(parse(await readFile(kubeconfig, "utf8")));
  return {
    pid: child.pid ?? 0,
    ...access,
    client: makeRawClient(access),
    kill: (signal = "SIGKILL") => end(child, signal),
  };
}

async function end(child: ChildProcess, signal: "SIGKILL" | "SIGTERM"): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill(signal);
  await ended;
}

interface Kubeconfig {
  readonly clusters: readonly { cluster: { server: string; "certificate-authority-data": string } }[];
  readonly users: readonly { user: { token: string } }[];
}

function parseAccess(kubeconfig: Kubeconfig): { url: string; adminToken: string; caCert: string } {
  const [cluster] = kubeconfig.clusters;
  const [user] = kubeconfig.users;
  if (cluster === undefined || user === undefined) throw new Error("the kubeconfig names no server");
  return {
    url: cluster.cluster.server,
    adminToken: user.user.token,
    caCert: Buffer.from(cluster.cluster["certificate-authority-data"], "base64").toString(),
  };
}
