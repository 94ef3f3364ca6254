import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { readFileSync } from "node:fs";
import { openCluster, testEachHere, withImages, type Cluster } from "./cluster.ts";
import { call, eventually, type HttpAnswer } from "./http.ts";
import { kubectlFor, type Kubectl } from "./kubectl.ts";
import { openLoad } from "./load.ts";
import { probeService } from "./manifests.ts";
import { signalService } from "./service-process.ts";

// The main job, as a new user does it: real processes, the real kubectl, one Kelvin for all.

let cluster: Cluster;
let kubectl: Kubectl;

/** Their window and grace go by while other tests run; then they are looked at. */
const idle = ["zero", "zero-crowd"];

beforeAll(async () => {
  cluster = await openCluster();
  kubectl = kubectlFor(cluster);
  for (const name of idle) await apply(probeService({ name }));
}, 120_000);

afterAll(async () => {
  await cluster.close();
}, 30_000);

/** Asks a Service in `default`, through the public gateway. */
function ask(
  service: string,
  path = "/",
  more: { method?: string; body?: string; hangUpAfterMs?: number } = {},
): Promise<HttpAnswer> {
  const { gateway, domain } = cluster;
  return call({ address: gateway.host, port: gateway.port, host: `${service}.default.${domain}`, path, ...more });
}

async function apply(manifest: string): Promise<void> {
  const result = await kubectl.withInput(withImages(manifest), "apply", "-f", "-");
  if (result.code !== 0) throw new Error(result.stderr);
}

async function applyReady(manifest: string, name: string): Promise<void> {
  await apply(manifest);
  await waitReady(name);
}

async function waitReady(name: string): Promise<void> {
  // A change counts as seen only once the controller says so; before that Ready is still the last generation's.
  await eventually(
    async () => {
      const service = JSON.parse(await kubectl("get", "ksvc", name, "-o", "json")) as {
        metadata: { generation: number };
        status?: { observedGeneration?: number; conditions?: { type: string; status: string }[] };
      };
      const ready = service.status?.conditions?.find((condition) => condition.type === "Ready");
      return service.status?.observedGeneration === service.metadata.generation && ready?.status === "True";
    },
    60_000,
    `ksvc ${name} Ready`,
  );
}

async function podNames(service: string): Promise<string[]> {
  const out = await kubectl("get", "pods", "-l", `serving.knative.dev/service=${service}`, "-o", "name");
  return out.split("\n").filter((line) => line !== "");
}

async function untilZero(service: string): Promise<void> {
  await eventually(async () => (await podNames(service)).length === 0, 60_000, `no pods of ${service}`);
}

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly message?: string;
}

async function conditionsOf(name: string): Promise<readonly Condition[]> {
  const service = JSON.parse(await kubectl("get", "ksvc", name, "-o", "json")) as {
    status?: { conditions?: Condition[] };
  };
  return service.status?.conditions ?? [];
}

describe("the sample, with kubectl and curl", () => {
  test("apply, wait, get with Knative's columns, curl, describe, logs", async () => {
    const sample = withImages(readFileSync("samples/hello/service.yaml", "utf8"));
    expect((await kubectl.withInput(sample, "apply", "-f", "-")).stdout).toContain(
      "service.serving.knative.dev/hello created",
    );
    await kubectl("wait", "--for=condition=Ready", "ksvc/hello", "--timeout=60s");
    const table = await kubectl("get", "ksvc,config,rev,rt");
    expect(table).toMatch(/NAME\s+URL\s+LATESTCREATED\s+LATESTREADY\s+READY\s+REASON/);
    expect(table).toMatch(/NAME\s+CONFIG NAME\s+GENERATION\s+READY\s+REASON\s+ACTUAL REPLICAS\s+DESIRED REPLICAS/);
    const port = cluster.own === undefined ? String.raw`(?::\d+)?` : `:${cluster.gateway.port}`;
    expect(table).toMatch(
      new RegExp(
        String.raw`hello\s+http://hello\.default\.${cluster.domain}${port}\s+hello-00001\s+hello-00001\s+True`,
      ),
    );
    expect(await ask("hello")).toMatchObject({ status: 200, body: expect.stringMatching(/^Hello .*!\n$/) });
    expect(await kubectl("describe", "ksvc", "hello")).toMatch(/Latest Ready Revision Name:\s+hello-00001/);
    const [pod = ""] = await podNames("hello");
    expect(await kubectl("describe", pod)).toContain("Started container user-container");
    expect(await kubectl("logs", pod)).toMatch(/./);
    expect(await kubectl("explain", "ksvc.spec.template")).toContain("FIELDS");
    // kubectl replaces lists of custom resources whole, so it always sends a patch; nothing must come of it.
    await kubectl.withInput(sample, "apply", "-f", "-");
    expect(await kubectl("get", "ksvc", "hello", "-o", "jsonpath={.metadata.generation}")).toBe("1");
  });

  test("delete takes everything with it", async () => {
    await kubectl("delete", "ksvc", "hello");
    await eventually(
      async () => {
        const left = await kubectl("get", "config,rev,rt,king,kpa,deploy,pods", "-o", "name");
        return !left.includes("/hello");
      },
      60_000,
      "the children gone",
    );
    expect((await ask("hello")).status).toBe(404);
  });
});

describe("bounds", () => {
  test("min-scale keeps a pod, max-scale bounds them", async () => {
    const annotations = { "autoscaling.knative.dev/min-scale": "2", "autoscaling.knative.dev/max-scale": "2" };
    await applyReady(probeService({ name: "bounded", annotations }), "bounded");
    const calls = Array.from({ length: 50 }, () => ask("bounded", "/sleep?ms=1500"));
    await eventually(async () => (await podNames("bounded")).length === 2, 20_000, "two pods");
    expect((await Promise.all(calls)).every((answer) => answer.status === 200)).toBe(true);
    expect((await podNames("bounded")).length).toBe(2);
    await kubectl("delete", "ksvc", "bounded");
  });
});

describe("rolling out", () => {
  test("ten updates under load: ten revisions, not one failure", async () => {
    await applyReady(probeService({ name: "rolling", env: { REVISION: "0" } }), "rolling");
    const load = openLoad({ ...cluster.gateway, hostHeader: `rolling.default.${cluster.domain}` });
    for (let update = 1; update <= 10; update += 1) {
      await applyReady(probeService({ name: "rolling", env: { REVISION: String(update) } }), "rolling");
      expect((await ask("rolling")).body).toContain(`"${update}"`);
    }
    const report = await load.stop();
    expect(report.failures).toEqual([]);
    expect(report.requests).toBeGreaterThan(1000);
    const revisions = await kubectl("get", "rev", "-l", "serving.knative.dev/service=rolling", "-o", "name");
    expect(revisions.trim().split("\n")).toHaveLength(11);
    await kubectl("delete", "ksvc", "rolling");
  }, 240_000);

  test("a 90/10 split is within 2.4 points over 2,000 requests, and tags reach their revision", async () => {
    await applyReady(probeService({ name: "split", env: { REVISION: "old" } }), "split");
    await applyReady(
      probeService({
        name: "split",
        env: { REVISION: "new" },
        traffic: [
          { revisionName: "split-00001", percent: 90, tag: "stable" },
          { latestRevision: true, percent: 10, tag: "candidate" },
        ],
      }),
      "split",
    );
    let fresh = 0;
    for (let round = 0; round < 40; round += 1) {
      const answers = await Promise.all(Array.from({ length: 50 }, () => ask("split")));
      expect(answers.every((answer) => answer.status === 200)).toBe(true);
      fresh += answers.filter((answer) => answer.body.includes("new")).length;
    }
    expect(Math.abs(fresh / 2000 - 0.1)).toBeLessThan(0.024);
    expect((await ask("stable-split")).body).toContain("old");
    expect((await ask("candidate-split")).body).toContain("new");
    await kubectl("delete", "ksvc", "split");
  });
});

describe("scale to zero and back", () => {
  test("no pods after the window and the grace; the first request, and 100 at once, are answered", async () => {
    for (const name of idle) {
      await waitReady(name);
      await untilZero(name);
    }
    expect((await ask("zero")).status).toBe(200);
    const answers = await Promise.all(Array.from({ length: 100 }, () => ask("zero-crowd")));
    expect(answers.filter((answer) => answer.status !== 200)).toEqual([]);
  });
});

describe("concurrency", () => {
  test("containerConcurrency 1 never sees two, clients that hang up included", async () => {
    const annotations = { "autoscaling.knative.dev/max-scale": "3" };
    await applyReady(probeService({ name: "single", containerConcurrency: 1, annotations }), "single");
    const calls = Array.from({ length: 60 }, (_, index) =>
      ask("single", "/sleep?ms=100", index % 3 === 0 ? { hangUpAfterMs: 50 + index } : {}).catch(() => undefined),
    );
    await Promise.all(calls);
    const seen = await Promise.all(Array.from({ length: 12 }, () => ask("single", "/concurrency")));
    for (const answer of seen) {
      expect(answer.status).toBe(200);
      expect(JSON.parse(answer.body)).toMatchObject({ max: 1 });
    }
    await kubectl("delete", "ksvc", "single");
  });
});

describe("faults", () => {
  test("the app's process is killed: the Pod restarts, the Service stays Ready, requests are answered", async () => {
    await applyReady(
      probeService({ name: "fragile", annotations: { "autoscaling.knative.dev/min-scale": "1" } }),
      "fragile",
    );
    await ask("fragile", "/crash").catch(() => undefined);
    expect((await ask("fragile")).status).toBe(200);
    expect(await conditionsOf("fragile")).toContainEqual(expect.objectContaining({ type: "Ready", status: "True" }));
    const pods = await kubectl(
      "get",
      "pods",
      "-l",
      "serving.knative.dev/service=fragile",
      "-o",
      "jsonpath={.items[*].status.containerStatuses[0].restartCount}",
    );
    expect(Number(pods)).toBeGreaterThanOrEqual(1);
  });

  testEachHere(
    ["serving-controller", "autoscaler", "activator"],
    "kill -9 of %s: it comes back and everything converges",
    async (service) => {
      const pod = (await kubectl("get", "pods", "-n", "knative-serving", "-l", `app=${service}`, "-o", "name")).trim();
      const restarts = async (): Promise<number> =>
        Number(
          await kubectl(
            "get",
            "-n",
            "knative-serving",
            pod,
            "-o",
            "jsonpath={.status.containerStatuses[0].restartCount}",
          ),
        );
      const before = await restarts();
      signalService(cluster, service, "SIGKILL");
      if (service !== "activator") expect((await ask("fragile")).status).toBe(200);
      await eventually(async () => (await restarts()) > before, 30_000, `${service} restarted`);
      await kubectl("wait", "-n", "knative-serving", "--for=condition=Ready", pod, "--timeout=30s");
      await eventually(async () => (await ask("fragile")).status === 200, 30_000, "traffic");
      await applyReady(probeService({ name: `after-${service}` }), `after-${service}`);
      expect((await ask(`after-${service}`)).status).toBe(200);
      await kubectl("delete", "ksvc", `after-${service}`);
    },
  );
});

describe("bad input", () => {
  const template = (container: object): string =>
    JSON.stringify({
      apiVersion: "serving.knative.dev/v1",
      kind: "Service",
      metadata: { name: "bad" },
      spec: { template: { spec: { containers: [container] } } },
    });
  const rows: { name: string; manifest: string; message: RegExp }[] = [
    {
      name: "an unknown field",
      manifest: template({ image: "dev.local/hello", imagee: "x" }),
      message: /unknown field "spec\.template\.spec\.containers\[0\]\.imagee"/,
    },
    {
      name: "a missing image",
      manifest: template({ env: [] }),
      message:
        /denied the request: validation failed: missing field\(s\): spec\.template\.spec\.containers\[0\]\.image/,
    },
    {
      name: "traffic that sums to 90",
      manifest: probeService({ name: "bad", traffic: [{ latestRevision: true, percent: 90 }] }),
      message: /Traffic targets sum to 90, want 100: spec\.traffic/,
    },
    {
      name: "a bad annotation value",
      manifest: probeService({ name: "bad", annotations: { "autoscaling.knative.dev/window": "5s" } }),
      message: /expected 6s <= 5s <= 1h0m0s: .*autoscaling\.knative\.dev\/window/,
    },
    {
      name: "a wrong apiVersion",
      manifest: template({ image: "dev.local/hello" }).replace("knative.dev/v1", "knative.dev/v7"),
      message: /no matches for kind "Service" in version "serving\.knative\.dev\/v7"/,
    },
    { name: "a broken YAML", manifest: "apiVersion: v1\nkind: [", message: /yaml|parse|json/i },
  ];
  test.each(rows)("$name is refused with the cause", async ({ manifest, message }) => {
    const result = await kubectl.withInput(withImages(manifest), "apply", "-f", "-");
    expect(result.code).not.toBe(0);
    expect(result.stderr).toMatch(message);
    expect((await kubectl.attempt("get", "ksvc", "bad")).stderr).toContain("not found");
  });

  const silent = {
    name: "silent",
    env: { NEVER_LISTEN: "1" },
    annotations: { "serving.knative.dev/progress-deadline": "8s" },
  };
  // Its deadline passes while others are refused.
  beforeAll(() => apply(probeService(silent)));

  const failures: { name: string; service: Parameters<typeof probeService>[0]; cause: RegExp }[] = [
    {
      name: "an image that does not exist",
      service: { name: "no-image", image: "dev.local/nowhere" },
      cause: /image "dev\.local\/nowhere" not found/,
    },
    {
      name: "an app that exits at once",
      service: { name: "exits", env: { EXIT_AT_ONCE: "1" } },
      cause: /Container failed with/,
    },
    {
      name: "an app that never listens",
      service: silent,
      cause: /has timed out progressing/,
    },
  ];
  test.each(failures)("$name: a condition names the cause", async ({ service, cause }) => {
    await apply(probeService(service));
    // Ready repeats the Route's reason, as Knative does; the cause stands in ConfigurationsReady.
    const isNamed = async (): Promise<boolean> => {
      const conditions = await conditionsOf(service.name);
      const isUnready = conditions.some(({ type, status }) => type === "Ready" && status === "False");
      return isUnready && conditions.some(({ status, message = "" }) => status === "False" && cause.test(message));
    };
    await eventually(isNamed, 60_000, "a condition with the cause");
    await kubectl("delete", "ksvc", service.name);
  });
});

describe("to zero again", () => {
  test("those that were woken have no pods once more", async () => {
    for (const name of idle) await untilZero(name);
    await kubectl("delete", "ksvc", ...idle);
  });
});
