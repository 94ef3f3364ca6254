import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { findLastingPort } from "./lasting-port.ts";

const sshd = "/usr/sbin/sshd";

/** Why there can be no ssh server here, or undefined when there can. */
export function findSshProblem(): string | undefined {
  return existsSync(sshd) ? undefined : `no ${sshd}: install Debian's package openssh-server`;
}

/** Debian's sshd on 127.0.0.1, which lets one key run git and nothing else. */
export interface SshGitServer {
  readonly port: number;
  /** `ssh://<this user>@127.0.0.1:<port>`: the absolute path of a repository follows. */
  readonly url: string;
  /** The key that may log in. */
  readonly privateKey: string;
  /** What clients pin. */
  readonly knownHosts: string;
  close(): Promise<void>;
}

/** Starts sshd with keys made in `dir`. @throws Error when it does not answer in 10 s. */
export async function openSshGitServer(dir: string): Promise<SshGitServer> {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  // Where sshd drops its rights to; Debian's service makes it, which does not run here.
  if (process.getuid?.() === 0) mkdirSync("/run/sshd", { recursive: true, mode: 0o755 });
  const [hostKey, userKey] = [makeKey(join(dir, "host_key")), makeKey(join(dir, "user_key"))];
  const command = 'command="git-shell -c \\"$SSH_ORIGINAL_COMMAND\\"",restrict';
  writeFileSync(join(dir, "authorized_keys"), `${command} ${userKey.public}\n`, { mode: 0o600 });
  const port = await findLastingPort();
  const config = join(dir, "sshd_config");
  writeFileSync(config, formatConfig(dir, port));
  const server = spawn(sshd, ["-D", "-e", "-f", config], { stdio: ["ignore", "ignore", "pipe"] });
  let log = "";
  server.stderr.on("data", (chunk: Buffer) => (log += chunk.toString()));
  const ended = new Promise<void>((resolve) => server.once("close", () => resolve()));
  if (!(await answers(port, () => server.exitCode !== null))) {
    server.kill("SIGKILL");
    throw new Error(`sshd did not start: ${log}`);
  }
  const [type = "", key = ""] = hostKey.public.split(" ");
  return {
    port,
    url: `ssh://${userInfo().username}@127.0.0.1:${port}`,
    privateKey: readFileSync(userKey.file, "utf8"),
    knownHosts: `[127.0.0.1]:${port} ${type} ${key}\n`,
    close: async () => {
      server.kill("SIGTERM");
      await ended;
    },
  };
}

function formatConfig(dir: string, port: number): string {
  return [
    `Port ${port}`,
    "ListenAddress 127.0.0.1",
    `HostKey ${join(dir, "host_key")}`,
    `AuthorizedKeysFile ${join(dir, "authorized_keys")}`,
    `PidFile ${join(dir, "sshd.pid")}`,
    "PasswordAuthentication no",
    "KbdInteractiveAuthentication no",
    "PermitRootLogin prohibit-password",
    "UsePAM no",
    // The directory is a test's, somewhere below a world-writable /tmp.
    "StrictModes no",
    "",
  ].join("\n");
}

function makeKey(file: string): { file: string; public: string } {
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", file]);
  return { file, public: readFileSync(`${file}.pub`, "utf8").trim() };
}

async function answers(port: number, hasEnded: () => boolean): Promise<boolean> {
  for (let attempt = 0; attempt < 200 && !hasEnded(); attempt += 1) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1", () => resolve(true));
      socket.once("error", () => resolve(false));
      socket.once("connect", () => socket.destroy());
    });
    if (isOpen) return true;
    await sleep(50);
  }
  return false;
}
