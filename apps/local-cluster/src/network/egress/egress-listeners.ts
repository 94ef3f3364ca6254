import { spawn } from "node:child_process";
import type { Server } from "node:net";
import { join } from "node:path";

const OUTPUT_BYTES_MAX = 4_096;
const DEADLINE_MS = 20_000;

/**
 * Listening sockets for all addresses of another network namespace, one a port. `enter` are the words that run a command
 * in there. @throws Error when a port cannot be had, with none left open.
 */
export async function openListeners(enter: readonly string[], ports: readonly number[]): Promise<Server[]> {
  const script = join(import.meta.dirname, "listen-everywhere.ts");
  const command = [process.execPath, "--disable-warning=ExperimentalWarning", script, ...ports.map(String)];
  const [file = "", ...words] = enter;
  const child = spawn(file, [...words, ...command], {
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    timeout: DEADLINE_MS,
    killSignal: "SIGKILL",
  });
  const servers: Server[] = [];
  let output = "";
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
    if (output.length < OUTPUT_BYTES_MAX) output += chunk;
  });
  child.on("message", (_message, server) => {
    servers.push(server as Server);
  });
  try {
    await new Promise<void>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", () => resolve());
    });
    if (servers.length < ports.length) {
      throw new Error(`only ${servers.length} of ${ports.length} egress ports could be opened: ${output.trim()}`);
    }
  } catch (error) {
    for (const server of servers) server.close();
    throw error;
  }
  return servers;
}
