import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Service } from "@kelvin/api/serving/v1";
import { ConfigMap, Pod, loadKubeConfig, openKubeClient, type KubeClient } from "@kelvin/kube";
import { askOnce } from "./first-byte.ts";
import { makeScratchDirectory, root, startSubject, until, type Subject } from "./subject.ts";
import { atMost, median, rounded, spread, type Findings } from "./table.ts";

const pairs = Number(process.env["BENCH_PAIRS"] ?? 30);
const overheadMsTarget = 50;
const ports = { http: 18_070, api: 18_075, direct: 18_079 };
const service = { namespace: "default", name: "hello" };
const host = `${service.name}.${service.namespace}.localhost`;
const sampleDirectory = join(root, "samples/hello");

/** A request at zero against the start of the same process without Kelvin, in pairs, one after the other. */
export async function benchColdstart(): Promise<Findings> {
  const directory = makeScratchDirectory();
  const options = ["--data-dir", directory, "--http-port", String(ports.http), "--api-port", String(ports.api)];
  const kelvin = startSubject("apps/cli/src/main.ts", ["start", ...options]);
  try {
    const kubeconfig = join(directory, "kubeconfig");
    const isThere = async (): Promise<boolean> => (await readFile(kubeconfig, "utf8").catch(() => "")) !== "";
    await until(isThere, { subject: kelvin, what: "its kubeconfig", waitMsMax: 120_000 });
    const kube = openKubeClient(await loadKubeConfig({ path: kubeconfig }));
    await scaleInQuickly(kube, kelvin);
    const sample = await readSample();
    // Refused for as long as the admission webhooks are not there.
    const isCreated = async (): Promise<boolean> =>
      (await kube.create(Service, sample).catch(() => undefined)) !== undefined;
    await until(isCreated, { subject: kelvin, what: "Kelvin to take a Service", waitMsMax: 60_000, pauseMs: 200 });
    await until(() => answersAtGateway(), {
      subject: kelvin,
      what: "the first answer",
      waitMsMax: 60_000,
      pauseMs: 200,
    });

    const own: number[] = [];
    const cold: number[] = [];
    for (let pair = 0; pair < pairs; pair++) {
      // oxlint-disable no-await-in-loop -- pairs are interleaved, never at once
      await until(() => isAtZero(kube), { subject: kelvin, what: "scale to zero", waitMsMax: 120_000, pauseMs: 250 });
      own.push(await ownStartMs(join(directory, "compile-cache")));
      cold.push(await requestAtZeroMs());
      // oxlint-enable no-await-in-loop
    }
    await kube.close();
    return findings(own, cold);
  } finally {
    await kelvin.stop();
  }
}

async function scaleInQuickly(kube: KubeClient, kelvin: Subject): Promise<void> {
  const key = { namespace: "knative-serving", name: "config-autoscaler" };
  const isThere = async (): Promise<boolean> => (await kube.find(ConfigMap, key).catch(() => undefined)) !== undefined;
  await until(isThere, { subject: kelvin, what: "config-autoscaler", waitMsMax: 60_000, pauseMs: 200 });
  await kube.patch(ConfigMap, key, { type: "merge", body: { data: { "scale-to-zero-grace-period": "6s" } } });
}

async function readSample(): Promise<Service> {
  const { parse } = await import("yaml");
  const sample = parse(await readFile(join(sampleDirectory, "service.yaml"), "utf8")) as Service;
  const annotations = { "autoscaling.knative.dev/window": "6s" };
  const template = sample.spec.template ?? {};
  return {
    ...sample,
    metadata: { ...sample.metadata, namespace: service.namespace },
    spec: { ...sample.spec, template: { ...template, metadata: { annotations } } },
  } as Service;
}

async function answersAtGateway(): Promise<boolean> {
  return (await askOnce({ port: ports.http, host }))?.includes(" 200 ") === true;
}

/** No pod is left, not even one that ends: the machine is as quiet as for the start without Kelvin. */
async function isAtZero(kube: KubeClient): Promise<boolean> {
  const labelSelector = `serving.knative.dev/service=${service.name}`;
  return (await kube.list(Pod, { namespace: service.namespace, labelSelector })).items.length === 0;
}

async function requestAtZeroMs(): Promise<number> {
  const startedAtMs = performance.now();
  const status = await askOnce({ port: ports.http, host });
  const elapsedMs = performance.now() - startedAtMs;
  if (status?.includes(" 200 ") !== true) throw new Error(`the request at zero got ${status ?? "no answer"}`);
  return elapsedMs;
}

/** The sample's start script as the node agent runs it, spawn to first byte. */
async function ownStartMs(compileCache: string): Promise<number> {
  const { scripts } = JSON.parse(await readFile(join(sampleDirectory, "package.json"), "utf8")) as {
    scripts: { start: string };
  };
  const startedAtMs = performance.now();
  const child = spawn("sh", ["-c", scripts.start], {
    cwd: sampleDirectory,
    env: {
      PATH: `${dirname(process.execPath)}:${process.env["PATH"] ?? ""}`,
      PORT: String(ports.direct),
      TARGET: "World",
      NODE_COMPILE_CACHE: compileCache,
    },
    stdio: "ignore",
  });
  try {
    const answers = async (): Promise<boolean> => (await askOnce({ port: ports.direct, host })) !== undefined;
    await until(answers, { what: "the sample's own start", pauseMs: 1 });
    return performance.now() - startedAtMs;
  } finally {
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
  }
}

function findings(own: readonly number[], cold: readonly number[]): Findings {
  const overhead = cold.map((coldMs, pair) => coldMs - (own[pair] ?? 0));
  const row = (name: string, values: readonly number[]): Record<string, string | number> => ({
    "": name,
    "median ms": rounded(median(values)),
    spread: spread(values),
  });
  return {
    title: `coldstart: ${pairs} interleaved pairs, to the first byte`,
    rows: [row("own start", own), row("request at zero", cold), row("on top of the own start", overhead)],
    targets: [
      atMost("request at zero, on top of the process's own start", median(overhead), {
        target: overheadMsTarget,
        unit: "ms",
      }),
    ],
    remarks: [],
  };
}
