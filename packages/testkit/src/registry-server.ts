import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { request } from "node:http";

import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { findLastingPort } from "./lasting-port.ts";

/** Who may push to and pull from the registry of `openDockerRegistry`. */
export const registryLogin = { username: "ann", password: "registry-pass" } as const;

// What `htpasswd -nbB ann registry-pass` printed: making it anew each time would need that tool.
const htpasswd = "ann:$2y$05$9ruYzrTw2LQf0ilH2TChoOaYUZ.8T09WQ/al4JrdDN..g3VTz9phq\n";

/** Why there can be no Docker registry here, or undefined when there can. */
export function findDockerRegistryProblem(): string | undefined {
  const result = spawnSync("docker-registry", ["--version"]);
  return result.error === undefined
    ? undefined
    : "no docker-registry on PATH: install Debian's package docker-registry";
}

/** Debian's docker-registry on 127.0.0.1. */
export interface DockerRegistry {
  /** `127.0.0.1:<port>`: what image references begin with. */
  readonly host: string;
  /** The text of a config.json that logs in as `registryLogin`. */
  readonly dockerConfig: string;
  close(): Promise<void>;
}

/** Starts a registry that keeps its content in `dir` and asks for `registryLogin`. @throws Error when it does not answer in 10 s. */
export async function openDockerRegistry(dir: string): Promise<DockerRegistry> {
  mkdirSync(dir, { recursive: true });
  const host = `127.0.0.1:${await findLastingPort()}`;
  writeFileSync(join(dir, "htpasswd"), htpasswd);
  writeFileSync(join(dir, "config.json"), formatConfig(dir, host));
  // YAML takes JSON.
  const server = spawn("docker-registry", ["serve", join(dir, "config.json")], { stdio: ["ignore", "ignore", "pipe"] });
  let log = "";
  server.stderr.on("data", (chunk: Buffer) => (log = (log + chunk.toString()).slice(-8192)));
  const ended = new Promise<void>((resolve) => server.once("close", () => resolve()));
  if (!(await answers(host, () => server.exitCode !== null))) {
    server.kill("SIGKILL");
    throw new Error(`docker-registry did not start: ${log}`);
  }
  const auth = Buffer.from(`${registryLogin.username}:${registryLogin.password}`).toString("base64");
  return {
    host,
    dockerConfig: JSON.stringify({ auths: { [host]: { ...registryLogin, auth } } }),
    close: async () => {
      server.kill("SIGTERM");
      await ended;
    },
  };
}

function formatConfig(dir: string, host: string): string {
  return JSON.stringify({
    version: 0.1,
    log: { level: "error" },
    storage: { filesystem: { rootdirectory: join(dir, "content") }, delete: { enabled: true } },
    auth: { htpasswd: { realm: "registry", path: join(dir, "htpasswd") } },
    http: { addr: host },
  });
}

async function answers(host: string, hasEnded: () => boolean): Promise<boolean> {
  for (let attempt = 0; attempt < 200 && !hasEnded(); attempt += 1) {
    const status = await new Promise<number | undefined>((resolve) => {
      const call = request(`http://${host}/v2/`, (answer) => resolve(answer.resume().statusCode));
      call.on("error", () => resolve(undefined));
      call.end();
    });
    if (status === 401) return true;
    await sleep(50);
  }
  return false;
}
