// What it takes to run a program as the node agent's runtimes do, without Kubernetes: each run as soon as the last has ended.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeScratchDirectory } from "./subject.ts";

/** Says when it began and when it ended. It lasts for as long as it takes to tell everybody that it has begun. */
export const tellTimes = "date +%s%N; sleep 0.15; date +%s%N";

export interface Times {
  readonly beganMs: number;
  readonly endedMs: number;
}

/** Reads what `tellTimes` says. */
export function parseTimes(text: string): Times {
  const [beganMs = NaN, endedMs = NaN] = text
    .trim()
    .split("\n")
    .map((nanoseconds) => Number(nanoseconds) / 1e6);
  return { beganMs, endedMs };
}

const searchPath = `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin`;

/** Of Debian's package runc. */
const runcCommand = "runc";

/** Runs the program behind these words. */
export function runBare(words: readonly string[]): Times {
  const args = [...words, "sh", "-c", tellTimes];
  return parseTimes(execFileSync("env", args, { encoding: "utf8", env: { PATH: searchPath } }));
}

/** The least that the runtime `sandbox` cannot do without: an overlay on the image in a mount namespace, and its root. */
export function bareSandbox(images: string): () => Times {
  const rootfs = findRootfs(images);
  const scratch = makeScratchDirectory();
  const asRoot = process.getuid?.() === 0 ? [] : ["--user", "--map-root-user"];
  let count = 0;
  return () => {
    count += 1;
    const at = (name: string): string => join(scratch, `${name}-${count}`);
    for (const name of ["root", "upper", "work"]) mkdirSync(at(name));
    const layers = `lowerdir=${rootfs},upperdir=${at("upper")},workdir=${at("work")}`;
    const script = `mount -t overlay overlay -o ${layers} ${at("root")} && exec chroot ${at("root")} "$@"`;
    const namespaces = [...asRoot, "--mount", "--uts", "--propagation", "private"];
    return runBare(["unshare", ...namespaces, "sh", "-c", script, "bare"]);
  };
}

/** `runc run` of a bundle with the image's root; undefined where runc does not work. */
export function bareOci(images: string): (() => Times) | undefined {
  const bundle = makeScratchDirectory();
  const env = { PATH: searchPath };
  if (spawnSync(runcCommand, ["spec"], { cwd: bundle, env }).status !== 0) return undefined;
  const file = join(bundle, "config.json");
  const config = JSON.parse(readFileSync(file, "utf8")) as { process: object; root: object };
  config.process = { ...config.process, terminal: false, args: ["sh", "-c", tellTimes] };
  config.root = { path: findRootfs(images), readonly: true };
  writeFileSync(file, JSON.stringify(config));
  let count = 0;
  const run = (): Times => {
    count += 1;
    const words = ["--root", join(bundle, "state"), "run", "--bundle", bundle, `bare-${process.pid}-${count}`];
    return parseTimes(execFileSync(runcCommand, words, { encoding: "utf8", env }));
  };
  try {
    run();
    return run;
  } catch {
    // Installed, but refused by this machine.
    return undefined;
  }
}

function findRootfs(images: string): string {
  const roots = join(images, "roots");
  return join(roots, readdirSync(roots)[0] ?? "", "rootfs");
}
