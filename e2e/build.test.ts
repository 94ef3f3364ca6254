import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { faults, refusals } from "./build-faults.ts";
import { makeAccount, openRepository, privateRepository, worldManifests } from "./build-world.ts";
import { applyAll, makeBuild, nodeApp, podsOf, shellStep, verdictOf, waitForEnd, waitForStep } from "./builds.ts";
import { describeHere, openCluster, withImages, type Cluster } from "./cluster.ts";
import { call, eventually, type HttpAnswer } from "./http.ts";
import { kubectlFor, type Kubectl } from "./kubectl.ts";

// From source to an image to a URL, as users do it: the samples by their own scripts, the real kubectl, real git, real registries.

const samples = join(import.meta.dirname, "..", "samples");

let cluster: Cluster;
let kubectl: Kubectl;
let registry: string;

beforeAll(async () => {
  cluster = await openCluster();
  kubectl = kubectlFor(cluster);
  const registryPort = (cluster.own?.apiPort ?? 0) + 1;
  registry = `private.localhost:${registryPort}`;
  await applyAll(kubectl, ...worldManifests(registryPort));
  const limits = JSON.stringify({ data: { "source-bytes-max": "20Mi" } });
  await kubectl("patch", "configmap", "config-build", "-n", "knative-build", "--type=merge", "-p", limits);
}, 120_000);

afterAll(async () => {
  await cluster.close();
}, 30_000);

async function applyFile(file: string): Promise<void> {
  const result = await kubectl.withInput(withImages(readFileSync(join(samples, file), "utf8")), "apply", "-f", "-");
  if (result.code !== 0) throw new Error(result.stderr);
}

/** What the controller has kept of a Build's output, read as somebody who may read logs. */
async function keptLog(build: string): Promise<string> {
  const token = (await kubectl("create", "token", "log-reader")).trim();
  const answer = await call({
    port: cluster.own?.localPort ?? 0,
    host: "build-controller.knative-build:8090",
    path: `/v1/namespaces/default/builds/${build}/log`,
    headers: { authorization: `Bearer ${token}` },
  });
  expect(answer.status).toBe(200);
  return answer.body;
}

/** As a client does that does not read YAML itself. */
async function postYaml(path: string, body: string): Promise<HttpAnswer> {
  const proxy = kubectl.open("proxy", "--port=0");
  try {
    const port = await new Promise<number>((resolve, reject) => {
      proxy.stdout.on("data", (chunk: Buffer) => resolve(Number(/:(\d+)/.exec(String(chunk))?.[1])));
      proxy.once("exit", () => reject(new Error("kubectl proxy ended")));
    });
    const headers = { "content-type": "application/yaml" };
    return await call({ port, host: "localhost", method: "POST", path, headers, body });
  } finally {
    proxy.kill();
  }
}

describeHere("the samples", () => {
  test("source-to-url, by its own script", async () => {
    const env = { ...process.env, KUBECONFIG: cluster.kubeconfig };
    const child = spawn(process.execPath, [join(samples, "source-to-url", "run.js")], { env });
    let out = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk: Buffer) => void (out += String(chunk)));
    const code = await new Promise((resolve) => void child.once("close", resolve));
    expect({ code, out }).toEqual({ code: 0, out: expect.stringMatching(/Built from source\.\n$/) });
    expect(out).toMatch(/step 0: Completed \(0\) [0-9a-f]{40}\n/);
    expect(out).toMatch(
      /step pack: Completed \(0\)\nbuilt registry\.localhost:5000\/samples\/app@sha256:[0-9a-f]{64}\n/,
    );
  });

  test("the founding example: three steps, a volume, a pusher with ${IMAGE}", async () => {
    await applyFile("build-three-steps/build.yaml");
    const { status } = await waitForEnd(kubectl, "three-steps");
    expect(status?.steps?.map(({ name, phase, exitCode }) => [name, phase, exitCode])).toEqual([
      ["builder", "Succeeded", 0],
      ["echo", "Succeeded", 0],
      ["pusher", "Succeeded", 0],
    ]);
    expect(status?.sources).toEqual([expect.objectContaining({ commit: expect.stringMatching(/^[0-9a-f]{40}$/) })]);
    const logOf = (step: string): Promise<string> =>
      kubectl("logs", status?.cluster?.podName ?? "", "-c", `build-step-${step}`);
    expect(await logOf("echo")).toBe("built, not pushed yet\n");
    expect(await logOf("pusher")).toContain(
      "To push as registry.localhost:5000/samples/three-steps: built package.json",
    );
  });

  test("the same file with its key repeated is refused by name, given to the API server as it is", async () => {
    const step = "    - image: dev.local/hello\n";
    const head = "apiVersion: build.knative.dev/v1alpha1\nkind: Build\nmetadata:\n  name: twice\nspec:\n";
    const manifest = `${head}  steps:\n${step}  steps:\n${step}`;
    const answer = await postYaml("/apis/build.knative.dev/v1alpha1/namespaces/default/builds", manifest);
    expect(answer.status).toBe(400);
    expect(answer.body).toContain(String.raw`key \"steps\" already set in map at line 6`);
    expect((await kubectl.attempt("get", "build", "twice")).stderr).toContain("not found");
  });

  test("kubectl get builds shows Knative's columns", async () => {
    const table = await kubectl("get", "builds");
    expect(table).toMatch(/NAME\s+SUCCEEDED\s+REASON\s+STARTTIME\s+COMPLETIONTIME/);
    expect(table).toMatch(/three-steps\s+True\s+Succeeded\s+\d+s\s+\d+s/);
  });
});

describeHere("credentials", () => {
  test("a private repository, and a registry with a password: pushed to, and pulled from by a step", async () => {
    await applyAll(kubectl, ...makeAccount("trusted", "open-sesame", registry));
    const source = { url: privateRepository, revision: "main" };
    await applyAll(
      kubectl,
      makeBuild("private", { serviceAccountName: "trusted", ...nodeApp(`${registry}/team/app`, source) }),
    );
    // Seconds, but for the rare fetch or push that hears nothing for a minute and is tried again.
    const built = await waitForEnd(kubectl, "private", 150_000);
    expect(verdictOf(built)).toMatchObject({ status: "True" });
    const image = built.status?.image ?? "";
    expect(image).toMatch(/@sha256:[0-9a-f]{64}$/);

    const step = { image, command: ["ls", "/app"] };
    await applyAll(kubectl, makeBuild("pulls", { serviceAccountName: "trusted", steps: [step] }));
    expect(verdictOf(await waitForEnd(kubectl, "pulls"))).toMatchObject({ status: "True" });
    expect(await keptLog("pulls")).toContain("[build-step-unnamed-0] server.js\n");
    expect(await keptLog("private")).not.toContain("open-sesame");
  }, 200_000);
});

describeHere("one Build from its start to its end", () => {
  test("what a step writes to its termination message: results, an image it may name, why it failed", async () => {
    const says = (outcome: object): string => `printf '%s' '${JSON.stringify(outcome)}' > /dev/termination-log`;
    const digest = `sha256:${"a".repeat(64)}`;
    const pushed = says({
      results: [
        { name: "digest", value: digest },
        { name: "tests", value: "90" },
      ],
    });
    const failure = { reason: "TestsFailed", message: "3 of 90; see report.xml" };
    await applyAll(
      kubectl,
      makeBuild("results", { image: "registry.localhost:5000/e2e/results:v1", steps: [shellStep(pushed)] }),
      makeBuild("excuse", { steps: [shellStep(`${says({ results: [], failure })}; exit 3`)] }),
      makeBuild("words", { steps: [shellStep("echo 'no such customer' > /dev/termination-log; exit 3")] }),
    );
    const { status } = await waitForEnd(kubectl, "results");
    expect(status?.image).toBe(`registry.localhost:5000/e2e/results@${digest}`);
    expect(status?.results).toContainEqual({ name: "tests", value: "90", step: "unnamed-0" });
    const excuse = verdictOf(await waitForEnd(kubectl, "excuse"));
    expect(excuse).toMatchObject({
      reason: "TestsFailed",
      message: expect.stringContaining("3 of 90; see report.xml"),
    });
    const words = verdictOf(await waitForEnd(kubectl, "words"));
    expect(words).toMatchObject({
      reason: "StepFailed",
      message: expect.stringMatching(/code 3.*It said: no such customer/),
    });
  });

  test("an image of the registry is run; the largest step is asked for; cancelled, its log remains", async () => {
    const asks = (cpu: string): object => ({ resources: { requests: { cpu } } });
    const steps = [
      shellStep("node --print '6 * 7'", { name: "small", ...asks("300m") }),
      // As process 1 of its container it would ignore the signal, and its Pod would go after its grace period only.
      shellStep("trap 'exit 1' TERM; echo waiting; sleep 1000 & wait", { name: "large", ...asks("700m") }),
    ];
    await applyAll(kubectl, makeBuild("cancelled", { steps }));
    const running = await waitForStep(kubectl, "cancelled", "large");
    expect(verdictOf(running)).toMatchObject({ status: "Unknown", reason: "Building" });
    const pod = running.status?.cluster?.podName ?? "";
    expect(await kubectl("describe", "node")).toMatch(new RegExp(`${pod}\\s+700m`));

    await kubectl("patch", "build", "cancelled", "--type=merge", "-p", '{"spec":{"Status":"BuildCancelled"}}');
    const ended = await waitForEnd(kubectl, "cancelled");
    expect(verdictOf(ended)).toMatchObject({
      status: "False",
      reason: "BuildCancelled",
      message: 'Build "cancelled" was cancelled',
    });
    await eventually(async () => (await podsOf(kubectl, "cancelled")).length === 0, 60_000, "its Pod gone");
    const log = await keptLog("cancelled");
    expect(log).toContain("[build-step-small] 42\n");
    expect(log).toContain("[build-step-large] waiting\n");
  });

  test("a timeout ends it, and only after its time", async () => {
    await applyAll(kubectl, makeBuild("late", { timeout: "3s", steps: [shellStep("exec sleep 1000")] }));
    const { status, ...ended } = await waitForEnd(kubectl, "late");
    expect(verdictOf({ ...ended, ...(status === undefined ? {} : { status }) })).toMatchObject({
      reason: "BuildTimeout",
      message: 'Build "late" failed to finish within "3s"',
    });
    const tookMs = Date.parse(status?.completionTime ?? "") - Date.parse(status?.startTime ?? "");
    expect(tookMs).toBeGreaterThanOrEqual(3_000);
  });
});

interface ServiceObject {
  readonly status?: {
    readonly latestReadyRevisionName?: string;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
      readonly message?: string;
    }[];
  };
}

describeHere("a Service of a Build", () => {
  const image = "registry.localhost:5000/e2e/page";
  const page = (revision: string): object => makeBuild("page", nodeApp(image, { url: openRepository, revision }));
  const service = {
    apiVersion: "serving.knative.dev/v1",
    kind: "Service",
    metadata: { name: "page", annotations: { "build.knative.dev/buildRef": "page" } },
    spec: { template: { spec: { containers: [{ image }] } } },
  };
  const read = async (): Promise<ServiceObject> =>
    JSON.parse(await kubectl("get", "ksvc", "page", "-o", "json")) as ServiceObject;
  const untilConfiguration = (reason: string): Promise<ServiceObject> =>
    eventually(
      async () => {
        const seen = await read();
        const condition = seen.status?.conditions?.find(({ type }) => type === "ConfigurationsReady");
        return condition?.reason === reason ? seen : undefined;
      },
      30_000,
      `ConfigurationsReady ${reason}`,
    );
  /** Revisions of a built image are named after its digest, too. */
  const untilRevision = (name: RegExp): Promise<string> =>
    eventually(
      async () => {
        const ready = (await read()).status?.latestReadyRevisionName ?? "";
        return name.test(ready) ? ready : undefined;
      },
      60_000,
      `${name}`,
    );
  const body = async (): Promise<string> =>
    (await call({ port: cluster.gateway.port, host: `page.default.${cluster.domain}` })).body;

  test("waits for it, says why it failed, takes what it built, goes on without it, and takes the next one", async () => {
    await applyAll(kubectl, service);
    await untilConfiguration("WaitingForBuild");
    await applyAll(kubectl, page("no-such-branch"));
    const failed = await untilConfiguration("BuildFailed");
    expect(JSON.stringify(failed.status)).toContain("no-such-branch");

    await kubectl("delete", "build", "page");
    await applyAll(kubectl, page("main"));
    const first = await untilRevision(/^page-00001-/);
    expect(await body()).toBe("Built from source.\n");

    await kubectl("delete", "build", "page");
    await applyAll(kubectl, page("other"));
    const second = await eventually(
      async () => {
        const ready = (await read()).status?.latestReadyRevisionName;
        return ready === first ? undefined : ready;
      },
      60_000,
      "a second Revision",
    );
    await eventually(async () => (await body()) === "Built from other source.\n", 30_000, "the new page");

    await kubectl("delete", "build", "page");
    await kubectl("annotate", "ksvc", "page", "e2e/touched=yes");
    await kubectl("wait", "--for=condition=Ready", "ksvc/page", "--timeout=30s");
    expect((await read()).status?.latestReadyRevisionName).toBe(second);
    expect(
      (await kubectl("get", "rev", "-o", "name")).split("\n").filter((name) => name.includes("/page-")),
    ).toHaveLength(2);
    expect(await body()).toBe("Built from other source.\n");
  });
});

describeHere("what a user does wrong ends the Build within seconds, and its message says what to change", () => {
  beforeAll(async () => {
    await applyAll(kubectl, ...makeAccount("mistaken", "wrong", registry));
    await kubectl("rollout", "status", "deployment/world", "deployment/private", "--timeout=60s");
    await applyAll(kubectl, ...faults.map(({ name, spec }) => makeBuild(name, spec)));
  }, 60_000);

  test.each(faults)("$name", async ({ name, reason, message }) => {
    const build = await waitForEnd(kubectl, name);
    expect(verdictOf(build)).toEqual(
      expect.objectContaining({ status: "False", reason, message: expect.stringMatching(message) }),
    );
    expect(build.status?.completionTime).toBeDefined();
  });

  test.each(refusals)("$name is refused at once", async ({ spec, cause }) => {
    const result = await kubectl.withInput(JSON.stringify(makeBuild("refused", spec)), "apply", "-f", "-");
    expect(result.code).not.toBe(0);
    expect(result.stderr).toContain(cause);
    expect((await kubectl.attempt("get", "build", "refused")).stderr).toContain("not found");
  });
});
