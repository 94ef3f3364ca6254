// How fast Pods come up on a whole local cluster, for bench/pods.ts, which starts it in fresh namespaces. Prints its figures
// as one line of JSON. Arguments: a scratch directory, rounds, and how many Pods run at once in the end.
import { spawn } from "node:child_process";
import { subscribe } from "node:diagnostics_channel";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Deployment, type KubeClient, openInformer, Pod } from "@kelvin/kube";
import { openTestCluster, tell } from "./cluster.ts";

const [dataDir = "", rounds = "10", crowd = "100"] = process.argv.slice(2);
const PORT = 8080;
const WARMUP_ROUNDS = 2;
const image = join(import.meta.dirname, "images", "echo");

interface Spawned {
  readonly child: { readonly spawnargs?: readonly string[]; readonly pid?: number };
  readonly atMs: number;
}

/** Every process that this one starts, with its time. */
const spawned: Spawned[] = [];
subscribe("child_process", (message) => {
  spawned.push({ child: (message as { process: Spawned["child"] }).process, atMs: performance.now() });
});

const { kube, close } = await openTestCluster({ dataDir });
const pods = openInformer(kube, Pod, {});
await pods.synced;
/** When a Pod was first seen ready, by name. */
const readyMs = new Map<string, number>();
let wake: () => void = () => undefined;
pods.onChange(({ after }) => {
  const name = after?.metadata.name ?? "";
  const isReady = after?.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") === true;
  if (isReady && !readyMs.has(name)) readyMs.set(name, performance.now());
  wake();
});

async function waitFor(holds: () => boolean): Promise<void> {
  while (!holds()) {
    // oxlint-disable-next-line no-await-in-loop -- one change after another
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  }
}

function makeDeployment(name: string, replicas: number): Deployment {
  const labels = { app: name };
  const readinessProbe = { httpGet: { path: "/", port: PORT } };
  const env = [{ name: "POD_NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } }];
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace: "default" },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          terminationGracePeriodSeconds: 1,
          containers: [{ name: "echo", image: "dev.local/echo", env, readinessProbe }],
        },
      },
    },
  };
}

const podsOf = (name: string): Pod[] => pods.list().filter(({ metadata }) => metadata.labels?.["app"] === name);

async function remove(client: KubeClient, name: string): Promise<void> {
  await client.delete(Deployment, { namespace: "default", name }, { propagationPolicy: "Background" });
  await waitFor(() => podsOf(name).length === 0);
}

interface Round {
  readonly toSpawnMs: number;
  readonly toReadyMs: number;
}

async function runRound(name: string): Promise<Round> {
  spawned.length = 0;
  const createdMs = performance.now();
  await kube.create(Deployment, makeDeployment(name, 1));
  await waitFor(() => podsOf(name).some(({ metadata }) => readyMs.has(metadata.name ?? "")));
  const pod = podsOf(name)[0]?.metadata.name ?? "";
  const isServer = ({ child }: Spawned): boolean =>
    child.spawnargs?.some((word) => word.endsWith("server.mjs")) === true;
  const spawnMs = spawned.find(isServer)?.atMs;
  if (spawnMs === undefined) throw new Error("the Pod's process was not seen: its command is another than expected");
  const round = { toSpawnMs: spawnMs - createdMs, toReadyMs: (readyMs.get(pod) ?? Number.NaN) - spawnMs };
  await remove(kube, name);
  return round;
}

/** The same program without a cluster: from its spawn to its first answer. */
async function ownStartMs(): Promise<number> {
  const startMs = performance.now();
  const env = { PATH: "/usr/bin:/bin", NODE_COMPILE_CACHE: join(dataDir, "compile-cache"), POD_NAME: "own" };
  const child = spawn(process.execPath, ["server.mjs"], { cwd: image, env, stdio: ["ignore", "pipe", "inherit"] });
  await new Promise((resolve) => child.stdout.once("data", resolve));
  const tookMs = performance.now() - startMs;
  const exited = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await exited;
  return tookMs;
}

const seen: (Round & { ownMs: number })[] = [];
for (let index = -WARMUP_ROUNDS; index < Number(rounds); index += 1) {
  // oxlint-disable-next-line no-await-in-loop -- rounds follow each other
  const ownMs = await ownStartMs();
  // oxlint-disable-next-line no-await-in-loop -- as above
  const round = await runRound(`round-${index + WARMUP_ROUNDS}`);
  if (index >= 0) seen.push({ ...round, ownMs });
}

const startMs = performance.now();
await kube.create(Deployment, makeDeployment("crowd", Number(crowd)));
await waitFor(() => podsOf("crowd").filter(({ metadata }) => readyMs.has(metadata.name ?? "")).length >= Number(crowd));
const crowdMs = performance.now() - startMs;
const restarts = podsOf("crowd").reduce(
  (sum, { status }) => sum + (status?.containerStatuses?.[0]?.restartCount ?? 0),
  0,
);
const rssMb = Number(/VmRSS:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? 0) / 1024;
await remove(kube, "crowd");
await pods.close();
await close();
tell({ rounds: seen, crowd: { pods: Number(crowd), readyMs: crowdMs, restarts, rssMb } });
