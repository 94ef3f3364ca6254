import { execFile, spawn, spawnSync, type ChildProcessWithoutNullStreams } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, jest } from "@jest/globals";
import { silentLog } from "@kelvin/controller";
import { keyOf, type KubeClient, Node, openInformer, Pod, systemClock } from "@kelvin/kube";
import { openBuiltInControllers } from "../../controllers/open-built-in-controllers.ts";
import { openApiServer, type ApiServer } from "../open-api-server.ts";
import { writeKubeconfig } from "../write-kubeconfig.ts";

const run = promisify(execFile);
const minorMin = 28;
const version = /"gitVersion": "v1\.(\d+)\./.exec(
  spawnSync("kubectl", ["version", "--client", "-o", "json"]).stdout?.toString() ?? "",
);
const hasKubectl = Number(version?.[1] ?? 0) >= minorMin;

/** `describe` where there is a kubectl; elsewhere its tests are skipped, and stderr says why. */
export const describeKubectl: typeof describe.skip = hasKubectl ? describe : describe.skip;
if (!hasKubectl) process.stderr.write(`no kubectl of at least 1.${minorMin} on PATH: its tests are skipped\n`);

export interface Printed {
  /** Without the white space around it. */
  readonly out: string;
  readonly err: string;
}

/** The real kubectl against a server of its own, for one test file. */
export interface Kubectl {
  readonly server: ApiServer;
  /** Runs one command line; words in single quotes stay together. Resolves also when it fails: `err` tells. */
  readonly run: (line: string, env?: Readonly<Record<string, string>>) => Promise<Printed>;
  /** Starts a command that goes on until it is killed. */
  readonly start: (line: string, env?: Readonly<Record<string, string>>) => ChildProcessWithoutNullStreams;
  /** Writes a file and returns its path. */
  readonly file: (name: string, text: string) => Promise<string>;
}

/**
 * Opens a server before the tests of this file and closes it after them, with the built-in controllers and a node whose Pods
 * are said to run where asked. What it returns is usable within tests only.
 */
export function useKubectl({ hasControllers = false } = {}): Kubectl {
  // A test runs kubectl a dozen times, each of which takes its time on a busy machine.
  jest.setTimeout(60_000);
  let directory = "";
  let server: ApiServer | undefined;
  let closeControllers = (): Promise<void> => Promise.resolve();
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "kelvin-kubectl-"));
    server = await openApiServer({ listen: [{ host: "127.0.0.1", port: 0 }] });
    await writeKubeconfig(join(directory, "kubeconfig"), server);
    if (hasControllers) closeControllers = await openControllers(server);
  });
  afterAll(async () => {
    await closeControllers();
    await server?.close();
    await rm(directory, { recursive: true, force: true });
  });
  const wordsOf = (line: string, env: Readonly<Record<string, string>>): string[] => {
    const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    const words = line.match(/(?:'[^']*'|[^\s'])+/g) ?? [];
    const options = ["--kubeconfig", join(directory, "kubeconfig"), "--cache-dir", join(directory, "cache")];
    return [...variables, "kubectl", ...options, ...words.map((word) => word.replaceAll("'", ""))];
  };
  return {
    get server() {
      if (server === undefined) throw new Error("the server is there within tests only");
      return server;
    },
    async run(line, env = {}) {
      try {
        const { stdout, stderr } = await run("env", wordsOf(line, env), { timeout: 20_000 });
        return { out: stdout.trim(), err: stderr };
      } catch (error) {
        const { stdout = "", stderr = String(error) } = error as { stdout?: string; stderr?: string };
        return { out: stdout.trim(), err: stderr };
      }
    },
    start: (line, env = {}) => spawn("env", wordsOf(line, env)),
    async file(name, text) {
      const path = join(directory, name);
      await writeFile(path, text);
      return path;
    },
  };
}

async function openControllers({ kube, caCert }: ApiServer): Promise<() => Promise<void>> {
  const controllers = await openBuiltInControllers({ kube, clock: systemClock, log: silentLog, rootCaCert: caCert });
  const node = await kube.create(Node, { metadata: { name: "node-1" } });
  const allocatable = { cpu: "4", memory: "8Gi", pods: "500" };
  const status = { allocatable, conditions: [{ type: "Ready", status: "True" }] };
  await kube.update(Node, { ...node, status }, { subresource: "status" });
  const pods = openInformer(kube, Pod);
  pods.onChange(({ after }) => {
    // Whatever it lost against comes as a change of its own.
    if (after !== undefined) pretendToRun(kube, after).catch(() => undefined);
  });
  await pods.synced;
  return async () => {
    await controllers.close();
    await pods.close();
  };
}

async function pretendToRun(kube: KubeClient, pod: Pod): Promise<void> {
  if (pod.spec?.nodeName === undefined) return;
  if (pod.metadata.deletionTimestamp !== undefined) return kube.delete(Pod, keyOf(pod), { gracePeriodSeconds: 0 });
  if (pod.status?.phase !== "Pending") return;
  const status = { phase: "Running", podIP: "10.44.0.9", conditions: [{ type: "Ready", status: "True" }] };
  await kube.patch(Pod, keyOf(pod), { type: "merge", body: { status } }, { subresource: "status" });
}
