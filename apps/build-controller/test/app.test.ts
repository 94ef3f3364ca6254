import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { getCondition } from "@kelvin/api";
import { Build, buildConfigMap, parseBuildConfig, type BuildSpec } from "@kelvin/api/build/v1alpha1";
import { createLogger, type RunningService } from "@kelvin/http-service";
import { deepCopy, Pod, systemClock, type PodLogs } from "@kelvin/kube";
import { openFakeKube, type FakeKube } from "@kelvin/testkit";
import { parse } from "yaml";
import { openApp } from "../src/app.ts";
import { build, container, ended, running, serviceAccount } from "./builders.ts";

const log = createLogger("test", { level: process.env["TEST_LOG"] ?? "silent" });
// Two of the tests wait for a real second to pass, on machines that may be busy.
jest.setTimeout(30_000);

const noLogs: PodLogs = { openLog: async function* openLog() {} };

let kube: FakeKube;
let app: RunningService;
let logDirectory: string;

beforeEach(async () => {
  logDirectory = await mkdtemp(join(tmpdir(), "kelvin-build-app-"));
  kube = openFakeKube({ objects: [serviceAccount()] });
  app = await start();
});

afterEach(async () => {
  await app.close();
  await rm(logDirectory, { recursive: true });
});

function start(): Promise<RunningService> {
  const config = {
    systemNamespace: "knative-build",
    podName: "bc-1",
    host: "127.0.0.1",
    internalPort: 0,
    admissionPort: 0,
    logDirectory,
  };
  return openApp(config, { kube, podLogs: noLogs, clock: systemClock, log });
}

async function until<T>(look: () => T | undefined | false): Promise<T> {
  for (let tries = 0; tries < 2000; tries += 1) {
    const found = look();
    if (found !== undefined && found !== false) return found;
    await systemClock.sleep(10);
  }
  throw new Error(`never came about: ${look.toString()}\n${JSON.stringify(kube.objects(Build), undefined, 1)}`);
}

const find = (name: string): Build | undefined => kube.objects(Build).find(({ metadata }) => metadata.name === name);
const podOf = (name: string): Pod | undefined =>
  kube.objects(Pod).find(({ metadata }) => metadata.name === find(name)?.status?.cluster?.podName);
const reasonOf = (name: string): string | undefined => getCondition(find(name)?.status, "Succeeded")?.reason;

async function create(name: string, spec: BuildSpec = {}): Promise<Build> {
  return await kube.create(Build, build(name, spec));
}

/** Plays the node: the Pod's containers come to stand so. */
async function play(name: string, status: NonNullable<Pod["status"]>): Promise<void> {
  const pod = await until(() => podOf(name));
  const played: Pod = { ...deepCopy(pod), status };
  kube.put(played);
}

const inRun = { phase: "Pending", initContainerStatuses: [container("build-step-compile", running)] };

describe("a Build with the node played", () => {
  test("runs to its end", async () => {
    await create("b");
    await play("b", inRun);
    await until(() => reasonOf("b") === "Building");
    await play("b", { phase: "Succeeded", initContainerStatuses: [container("build-step-compile", ended(0))] });
    await until(() => reasonOf("b") === "Succeeded");
    expect(find("b")?.status?.completionTime).toBe("2026-01-01T00:00:02Z");
    expect(kube.objects(Pod)).toHaveLength(1);
  });

  test("is cancelled in its run", async () => {
    await create("b");
    await play("b", inRun);
    await until(() => reasonOf("b") === "Building");
    await kube.patch(
      Build,
      { namespace: "default", name: "b" },
      { type: "merge", body: { spec: { Status: "BuildCancelled" } } },
    );
    await until(() => reasonOf("b") === "BuildCancelled" && kube.objects(Pod).length === 0);
  });

  test("times out, also when the controller was away meanwhile", async () => {
    await create("b", { timeout: "1s" });
    await until(() => podOf("b"));
    await app.close();
    app = await start();
    await until(() => reasonOf("b") === "BuildTimeout" && kube.objects(Pod).length === 0);
    const { startTime = "", completionTime = "" } = find("b")?.status ?? {};
    expect(Date.parse(completionTime) - Date.parse(startTime)).toBeGreaterThanOrEqual(1000);
  });

  test("made anew under the same name is another: the old one's time does not count", async () => {
    await create("b", { timeout: "1s" });
    await until(() => podOf("b"));
    await kube.delete(Build, { namespace: "default", name: "b" });
    const anew = build("b", { timeout: "10m0s" });
    delete anew.metadata.uid;
    const { uid } = (await kube.create(Build, anew)).metadata;
    await until(() => podOf("b")?.metadata.ownerReferences?.[0]?.uid === uid);
    await systemClock.sleep(1200);
    expect(reasonOf("b")).toBe("Pending");
  });

  test("fifty at once each have one Pod and end once", async () => {
    const names = Array.from({ length: 50 }, (_, index) => `b${index}`);
    await Promise.all(names.map((name) => create(name)));
    await Promise.all(names.map((name) => play(name, { phase: "Succeeded" })));
    await until(() => names.every((name) => reasonOf(name) === "Succeeded"));
    expect(kube.objects(Pod)).toHaveLength(50);
    const ends = kube.writes.filter(
      ({ kind, after }) =>
        kind === "Build" && getCondition((after as Build | undefined)?.status, "Succeeded")?.status === "True",
    );
    expect(ends).toHaveLength(50);
  });

  test("comes to rest: once it has ended nothing more is written", async () => {
    await create("b");
    await play("b", { phase: "Succeeded" });
    await until(() => reasonOf("b") === "Succeeded");
    await systemClock.sleep(50);
    kube.writes.length = 0;
    await play("b", { phase: "Succeeded", message: "something else" });
    await systemClock.sleep(100);
    // Events of what was before may still be on their way, and the Lease is renewed.
    const written = kube.writes.filter(({ kind }) => kind === "Build" || kind === "Pod");
    expect(written.map(({ verb, kind }) => `${verb} ${kind}`)).toEqual([]);
  });

  test("takes its turn in its group", async () => {
    const concurrency = { group: "main" };
    await create("a", { concurrency });
    await play("a", inRun);
    await until(() => reasonOf("a") === "Building");
    await create("b", { concurrency });
    await until(() => reasonOf("a") === "BuildSuperseded");
    await until(() => podOf("b"));
    expect(kube.objects(Pod).map(({ metadata }) => metadata.ownerReferences?.[0]?.name)).toEqual(["b"]);
  });
});

test("what config-build says is what the code says by itself", async () => {
  const file = new URL("../../../deploy/base/build-controller/config-build.yaml", import.meta.url);
  const shipped = parse(await readFile(file, "utf8")) as { metadata: { name: string }; data: Record<string, string> };
  expect(shipped.metadata.name).toBe(buildConfigMap);
  expect(parseBuildConfig(shipped.data)).toEqual(parseBuildConfig());
});
