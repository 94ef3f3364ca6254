import { spawnSync } from "node:child_process";
import { delimiter, join } from "node:path";

export const TIMEOUT_MS = 60_000;

const userNamespace = process.getuid?.() === 0 ? [] : ["--user", "--map-root-user"];
const namespaces = [
  "unshare",
  ...userNamespace,
  "--pid",
  "--fork",
  "--kill-child=KILL",
  "--mount",
  "--mount-proc",
  "--net",
];

// oxlint-disable-next-line node/no-process-env -- the tests' own environment goes on to what they start
const { env } = process;
/** Ordinary users often lack the directories in which `ip` lives. */
export const toolEnv = { ...env, PATH: `${env.PATH ?? ""}${delimiter}/usr/sbin${delimiter}/sbin` };

interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command in fresh namespaces, like those of `kelvin start`. */
export function runInNamespaces(...command: string[]): Outcome {
  const [file = "", ...args] = [...namespaces, ...command];
  return spawnSync(file, args, { env: toolEnv, encoding: "utf8", timeout: TIMEOUT_MS, killSignal: "SIGKILL" });
}

/** The same for an ordinary user, whoever we are: nobody, where we are root. */
export function runAsOrdinaryUser(...command: string[]): Outcome {
  const drop = process.getuid?.() === 0 ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : [];
  const [, ...rest] = namespaces.filter((word) => word !== "--user" && word !== "--map-root-user");
  const [file = "", ...args] = [...drop, "unshare", "--user", "--map-root-user", ...rest, ...command];
  return spawnSync(file, args, { env: toolEnv, encoding: "utf8", timeout: TIMEOUT_MS, killSignal: "SIGKILL" });
}

/** Whether this machine lets us; the reason is printed where it does not. */
export function canRunPods(): boolean {
  const trial = runInNamespaces("ip", "link", "add", "kelvin0", "type", "bridge");
  if (trial.status === 0) return true;
  const reason = trial.stderr.trim() || "unshare or ip is missing";
  process.stderr.write(`no Pod was run: this machine refuses network namespaces (${reason})\n`);
  return false;
}

/** Words that run a script beside this file, with a process 1 that reaps orphans before it. */
export function scriptWords(script: string, ...args: string[]): string[] {
  const node = [process.execPath, "--conditions=@kelvin/source", join(import.meta.dirname, script)];
  return ["/bin/sh", "-c", '"$@" & wait $!', "init", ...node, ...args];
}

/** What such a script told. @throws Error with its output when it told nothing. */
export function reportOf<T>({ stdout, stderr }: Pick<Outcome, "stdout" | "stderr">): T {
  try {
    return JSON.parse(stdout) as T;
  } catch {
    throw new Error(`the cluster said nothing of use: ${stdout}\n${stderr}`);
  }
}
