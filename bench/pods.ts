import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { makeScratchDirectory, root } from "./subject.ts";
import { atMost, median, quantile, rounded, spread, type Findings } from "./table.ts";

const rounds = Number(process.env["BENCH_ROUNDS"] ?? 20);
const crowd = Number(process.env["BENCH_PODS"] ?? 100);
const spawnMsTarget = 60;
const readyMsTarget = 350;

interface Figures {
  readonly rounds: readonly { readonly toSpawnMs: number; readonly toReadyMs: number; readonly ownMs: number }[];
  readonly crowd: {
    readonly pods: number;
    readonly readyMs: number;
    readonly restarts: number;
    readonly rssMb: number;
  };
}

/** A Deployment of one Pod, again and again, and then of many: on a local cluster without Kelvin, in fresh namespaces. */
export async function benchPods(): Promise<Findings> {
  const figures = await measure();
  const toSpawn = figures.rounds.map(({ toSpawnMs }) => toSpawnMs);
  const toReady = figures.rounds.map(({ toReadyMs }) => toReadyMs);
  const own = figures.rounds.map(({ ownMs }) => ownMs);
  const row = (what: string, values: readonly number[]): Record<string, string | number> => ({
    what,
    "median ms": rounded(median(values)),
    "p95 ms": rounded(quantile(values, 0.95)),
    spread: spread(values),
  });
  const { pods, readyMs, restarts, rssMb } = figures.crowd;
  return {
    title: `pods: a Node server, ${rounds} times alone and ${pods} at once`,
    rows: [
      row("Deployment created to process spawned", toSpawn),
      row("process spawned to Pod seen ready", toReady),
      row("the same program without a cluster, spawned to listening", own),
    ],
    targets: [
      atMost("Deployment created to process spawned", median(toSpawn), { target: spawnMsTarget, unit: "ms" }),
      atMost("process spawned to Pod ready", median(toReady), { target: readyMsTarget, unit: "ms" }),
      atMost(`containers started again among ${pods} Pods that run`, restarts, { target: 0, unit: "restarts" }),
    ],
    remarks: [
      `${pods} Pods ready after ${rounded(readyMs / 1000)} s; the cluster's own process then has ${rounded(rssMb)} MB`,
      "created and seen over HTTPS by a client in the cluster's process; two rounds before the first warm it up",
    ],
  };
}

/** In namespaces like those that `kelvin start` makes. */
async function measure(): Promise<Figures> {
  const script = join(root, "apps/local-cluster/test/pods-speed.ts");
  const node = [process.execPath, "--conditions=@kelvin/source", script];
  const asRoot = process.getuid?.() === 0 ? [] : ["--user", "--map-root-user"];
  const namespaces = ["--pid", "--fork", "--kill-child=KILL", "--mount", "--mount-proc", "--net", "--uts", "--ipc"];
  const shell = ["/bin/sh", "-c", '"$@" & wait $!', "init"];
  const args = [...asRoot, ...namespaces, ...shell, ...node, makeScratchDirectory(), String(rounds), String(crowd)];
  const env = { ...process.env, PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin` };
  const child = spawn("unshare", args, { env, stdio: ["ignore", "pipe", "inherit"] });
  const kill = (): boolean => child.kill("SIGKILL");
  process.once("exit", kill);
  const [output] = await Promise.all([text(child.stdout), once(child, "exit")]);
  process.off("exit", kill);
  if (output === "") throw new Error("no Pod was run: this machine refuses the namespaces that Pods live in");
  return JSON.parse(output) as Figures;
}
