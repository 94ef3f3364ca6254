import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import {
  applyAll,
  type BuildObject,
  makeBuild,
  podsOf,
  readBuild,
  shellStep,
  verdictOf,
  waitForEnd,
  waitForStep,
} from "./builds.ts";
import { describeHere, networkOptions, openCluster, type Cluster } from "./cluster.ts";
import { call, eventually } from "./http.ts";
import { openKelvin, supervisorPid } from "./kelvin.ts";
import { kubectlFor, type Kubectl } from "./kubectl.ts";
import { signalService } from "./service-process.ts";

// Builds while what runs them is killed: each comes to its right end, once, with one Pod an attempt.

/** 50 at once, and 200 in the long run. */
const crowdSize = process.env["KELVIN_TEST_LONG"] === "1" ? 200 : 50;

let cluster: Cluster;
let kubectl: Kubectl;

beforeAll(async () => {
  cluster = await openCluster();
  kubectl = kubectlFor(cluster);
}, 120_000);

afterAll(async () => {
  await cluster.close();
}, 30_000);

/** It ended well, with one Pod, in which every step ran once. */
async function expectOneGoodRun(name: string): Promise<void> {
  const build = await waitForEnd(kubectl, name);
  expect([name, verdictOf(build)]).toEqual([name, expect.objectContaining({ status: "True", reason: "Succeeded" })]);
  expect([name, build.status?.attempts?.length]).toEqual([name, 1]);
  expect(build.status?.steps?.map(({ phase, exitCode }) => ({ phase, exitCode }))).toEqual(
    build.status?.steps?.map(() => ({ phase: "Succeeded", exitCode: 0 })),
  );
  expect([name, (await podsOf(kubectl, name)).length]).toEqual([name, 1]);
}

const podPhase = (name: string): Promise<string> =>
  kubectl("get", "pods", "-l", `build.knative.dev/buildName=${name}`, "-o", "jsonpath={.items[*].status.phase}");

describeHere("kill -9", () => {
  test("of the build-controller, with Builds at every stage", async () => {
    const long = shellStep("sleep 6");
    const group = { concurrency: { group: "line", policy: "Queue" } };
    const builds = [
      makeBuild("in-line-first", { ...group, steps: [long] }),
      makeBuild("created", { nodeSelector: { "e2e/killed": "yes" }, steps: [shellStep("true")] }),
      makeBuild("first-step", { steps: [long, shellStep("true")] }),
      makeBuild("second-step", { steps: [shellStep("true"), long] }),
      makeBuild("ends-meanwhile", { steps: [shellStep("sleep 3")] }),
      makeBuild("ended", { steps: [shellStep("true")] }),
      makeBuild("fails", { steps: [shellStep("sleep 3; exit 7")] }),
    ];
    await applyAll(kubectl, ...builds);
    await applyAll(kubectl, makeBuild("in-line-second", { ...group, steps: [shellStep("true")] }));
    await Promise.all([
      waitForEnd(kubectl, "ended"),
      waitForStep(kubectl, "first-step", "unnamed-0"),
      waitForStep(kubectl, "second-step", "unnamed-1"),
      waitForStep(kubectl, "in-line-first", "unnamed-0"),
      eventually(async () => (await podPhase("created")) === "Pending", 30_000, "a Pod that waits for its node"),
    ]);
    expect(verdictOf(await readBuild(kubectl, "in-line-second"))?.reason).toBe("Queued");

    // Two of them end while it is not looking.
    signalService(cluster, "build-controller", "SIGSTOP");
    await eventually(async () => (await podPhase("ends-meanwhile")) === "Succeeded", 60_000, "the end of a Pod");
    await eventually(async () => (await podPhase("fails")) === "Failed", 60_000, "the failure of a Pod");
    signalService(cluster, "build-controller", "SIGKILL");
    await kubectl("label", "node", "--all", "e2e/killed=yes");

    const good = ["in-line-first", "in-line-second", "created", "first-step", "second-step", "ends-meanwhile", "ended"];
    for (const name of good) await expectOneGoodRun(name);
    const failed = await waitForEnd(kubectl, "fails");
    expect(verdictOf(failed)).toMatchObject({ reason: "StepFailed", message: expect.stringContaining("code 7") });
    expect(failed.status?.attempts).toHaveLength(1);
  });

  test("of the registry in the middle of a push: the push goes on, or the Build says who failed", async () => {
    const image = "registry.localhost:5000/e2e/large";
    const pack = ["pack", `--image=${image}`, "--directory=.", "--base=scratch"];
    const steps = [
      shellStep("head -c 150000000 /dev/urandom > random", { name: "make" }),
      { name: "push", image: "dev.local/apps/build-steps", args: pack },
    ];
    await applyAll(kubectl, makeBuild("pushes", { image, steps }));
    const pod = (await waitForStep(kubectl, "pushes", "push")).status?.cluster?.podName ?? "";
    const log = (): Promise<string> => kubectl("logs", pod, "-c", "build-step-push");
    await eventually(async () => (await log()).includes("Pushing"), 60_000, "the push");
    signalService(cluster, "registry", "SIGKILL");
    const build = await waitForEnd(kubectl, "pushes");
    expect(build.status?.attempts).toHaveLength(1);
    if (verdictOf(build)?.status === "False") {
      expect(verdictOf(build)).toMatchObject({ reason: "RegistryUnavailable" });
      return;
    }
    // What it says is there is there, whole.
    const step = { image: build.status?.image, command: ["/nothing"] };
    await applyAll(kubectl, makeBuild("pulls", { steps: [step] }));
    expect(verdictOf(await waitForEnd(kubectl, "pulls"))?.reason).not.toBe("StepImagePullFailed");
  });
});

describeHere("many Builds", () => {
  test(`${crowdSize} at once all end well, each with one Pod`, async () => {
    const names = Array.from({ length: crowdSize }, (_, index) => `crowd-${index}`);
    const labelled = (build: object, name: string): object => ({
      ...build,
      metadata: { name, labels: { e2e: "crowd" } },
    });
    const spec = { steps: [shellStep("true")] };
    await applyAll(kubectl, ...names.map((name) => labelled(makeBuild(name, spec), name)));
    const list = async (kind: string): Promise<unknown[]> =>
      (JSON.parse(await kubectl("get", kind, "-l", "e2e=crowd", "-o", "json")) as { items: unknown[] }).items;
    const ended = await eventually(
      async () => {
        const builds = (await list("builds")) as BuildObject[];
        const verdicts = builds.map((build) => verdictOf(build)?.status);
        return verdicts.includes("Unknown") || verdicts.includes(undefined) ? undefined : builds;
      },
      500_000,
      "the end of all",
    );
    const runs = ended.map((build) => ({ status: verdictOf(build)?.status, attempts: build.status?.attempts?.length }));
    expect(runs).toEqual(names.map(() => ({ status: "True", attempts: 1 })));
    expect(await list("pods")).toHaveLength(crowdSize);
  }, 600_000);
});

describeHere("kill -9 of everything, the node and its agent with it", () => {
  test("a Build in the middle of a step ends, and says why; one with retries starts over and ends well", async () => {
    const { own } = cluster;
    if (own === undefined) throw new Error("this test needs a cluster of its own");
    // Only the second time it finds what the first has left.
    const twice = "if [ -e /kept/first ]; then exit 0; fi; touch /kept/first; exec sleep 1000";
    const mount = { volumeMounts: [{ name: "kept", mountPath: "/kept" }] };
    const volumes = [{ name: "kept", hostPath: { path: `${own.dataDir}/kept`, type: "DirectoryOrCreate" } }];
    await applyAll(
      kubectl,
      makeBuild("once", { steps: [shellStep("exec sleep 1000")] }),
      makeBuild("again", { retries: 1, volumes, steps: [shellStep(twice, mount)] }),
    );
    await Promise.all(["once", "again"].map((name) => waitForStep(kubectl, name, "unnamed-0")));
    // A step runs a moment before its first command does.
    await eventually(
      () => Promise.resolve(existsSync(join(own.dataDir, "kept", "first"))),
      30_000,
      "the first attempt's file",
    );
    const exited = new Promise((resolve) => void own.process.once("exit", resolve));
    process.kill(supervisorPid(own), "SIGKILL");
    await exited;
    const ports = { httpPort: own.httpPort, apiPort: own.apiPort };
    const reopened = await openKelvin({ dataDir: own.dataDir, ports, args: networkOptions });
    const before = cluster;
    cluster = { ...before, own: reopened, close: () => reopened.stop().then(() => before.close()) };

    const again = await waitForEnd(kubectl, "again");
    expect(verdictOf(again)).toMatchObject({ status: "True" });
    expect(again.status?.attempts).toHaveLength(2);
    const once = await waitForEnd(kubectl, "once");
    expect(verdictOf(once)).toMatchObject({
      status: "False",
      reason: "PodEvicted",
      message: expect.stringContaining("stopped together with the local cluster"),
    });
    expect(once.status?.attempts).toHaveLength(1);
    expect((await call({ port: reopened.httpPort, host: "nobody.default.localhost" })).status).toBe(404);
  });
});
