import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";
import { openBareCluster } from "./bare-cluster.ts";
import { askOnce } from "./first-byte.ts";
import { cpuSeconds, rssMb } from "./machine.ts";
import { root, sleep, startSubject, until } from "./subject.ts";
import { atMost, median, rounded, spread, type Findings } from "./table.ts";

/** A service, the app that it is if it has another name, and which role of that. */
interface Service {
  readonly name: string;
  readonly app?: string;
  readonly role?: string;
}

const services: readonly Service[] = [
  { name: "serving-controller" },
  { name: "activator" },
  { name: "autoscaler" },
  { name: "build-controller" },
  { name: "eventing-controller", app: "eventing-bus", role: "control" },
  { name: "stub-clusterbus-dispatcher", app: "eventing-bus", role: "bus" },
];
const rounds = Number(process.env["BENCH_ROUNDS"] ?? 10);
/** The first rounds fill the compile cache, as a node's first Pod does. */
const warmupRounds = 1;
const settleMs = 3_000;
const readyMsTarget = 400;
const rssMbTarget = 90;
const internalPort = 18_060;

interface Start {
  readonly readyMs: number;
  /** Processor time until then: what the machine's other work does not blur. */
  readonly cpuMs: number;
  readonly rssMb: number;
}

/** From a service's spawn to its /readyz, and its memory when idle, against an API server without a workload. */
export async function benchStart(): Promise<Findings> {
  const cluster = await openBareCluster();
  try {
    const kubeconfig = await writeAsJson(cluster.kubeconfig);
    const starts = new Map<string, Start[]>(services.map(({ name }) => [name, []]));
    for (const service of Array.from({ length: warmupRounds + rounds }, () => services).flat()) {
      // oxlint-disable-next-line no-await-in-loop -- one process at a time is what is measured
      starts.get(service.name)?.push(await startOnce(service, kubeconfig));
    }
    return findings(starts);
  } finally {
    await cluster.close();
  }
}

async function startOnce({ name, app = name, role }: Service, kubeconfig: string): Promise<Start> {
  const directory = join(root, "apps", app);
  const { file, flags } = await readStartScript(directory);
  const startedAtMs = performance.now();
  const subject = startSubject(file, [], {
    cwd: directory,
    flags,
    env: {
      KUBECONFIG: kubeconfig,
      NODE_COMPILE_CACHE: `${kubeconfig}.compile-cache`,
      POD_NAME: `${name}-bench`,
      ...(role === undefined ? {} : { ROLE: role }),
      BUS_NAME: "stub",
      HTTP_PORT: "0",
      LOCAL_PORT: "0",
      ROUTED_PORT: "0",
      ADMISSION_PORT: "0",
      INTERNAL_PORT: String(internalPort),
      LOG_DIR: `${kubeconfig}.logs`,
      DRAIN_LINGER_SECONDS: "0",
      DRAIN_SECONDS: "1",
    },
  });
  try {
    const isReady = async (): Promise<boolean> =>
      (await askOnce({ port: internalPort, host: "localhost", path: "/readyz" }))?.includes(" 200 ") === true;
    await until(isReady, { subject, what: `${name} to be ready`, pauseMs: 2 });
    const readyMs = performance.now() - startedAtMs;
    const cpuMs = cpuSeconds(subject.pid) * 1000;
    await sleep(settleMs);
    return { readyMs, cpuMs, rssMb: rssMb(subject.pid) };
  } finally {
    await subject.stop();
  }
}

/** A Pod finds the API server by its environment. What comes nearest without one is a kubeconfig that needs no YAML. */
async function writeAsJson(kubeconfig: string): Promise<string> {
  const path = `${kubeconfig}.json`;
  await writeFile(path, JSON.stringify(parse(await readFile(kubeconfig, "utf8"))), { mode: 0o600 });
  return path;
}

/** The app's `start` script, which the node agent runs: node, its flags, the file. */
async function readStartScript(directory: string): Promise<{ file: string; flags: string[] }> {
  const { scripts } = JSON.parse(await readFile(join(directory, "package.json"), "utf8")) as {
    scripts: { start: string };
  };
  const [, ...words] = scripts.start.split(" ");
  return { file: words.at(-1) ?? "", flags: words.slice(0, -1) };
}

function findings(starts: ReadonlyMap<string, readonly Start[]>): Findings {
  const measured = [...starts].map(([service, all]) => ({
    service,
    readyMs: all.slice(warmupRounds).map((start) => start.readyMs),
    cpuMs: all.slice(warmupRounds).map((start) => start.cpuMs),
    rss: all.slice(warmupRounds).map((start) => start.rssMb),
  }));
  return {
    title: `start: ${rounds} starts of each service, spawn to /readyz, and RSS ${settleMs / 1000} s later`,
    rows: measured.map(({ service, readyMs, cpuMs, rss }) => ({
      service,
      "ready ms": rounded(median(readyMs)),
      "ready spread": spread(readyMs),
      "CPU ms": rounded(median(cpuMs)),
      "RSS MB": rounded(median(rss)),
      "RSS spread": spread(rss),
    })),
    targets: measured.flatMap(({ service, readyMs, rss }) => [
      atMost(`${service}, spawn to ready`, median(readyMs), { target: readyMsTarget, unit: "ms" }),
      atMost(`${service}, idle RSS`, median(rss), { target: rssMbTarget, unit: "MB" }),
    ]),
    remarks: [
      "run by each app's own start script, from sources, with a kubeconfig in JSON in place of a mounted ServiceAccount",
      `after ${warmupRounds} round that fills the compile cache: a machine's second start`,
    ],
  };
}
