import { afterEach, expect, test } from "@jest/globals";
import { PodAutoscaler } from "@kelvin/api/autoscaling/v1alpha1";
import type { ActivatorReport, RevisionReport } from "@kelvin/api/scaling";
import { createLogger, type RunningService } from "@kelvin/http-service";
import { Deployment, EndpointSlice, Pod, systemClock, type KubeClient } from "@kelvin/kube";
import { openFakeKube, type FakeKube } from "@kelvin/testkit";
import { request as openRequest, type ClientRequest } from "node:http";
import { createServer } from "node:net";
import type { ActivatorClient } from "../src/activators/activator-client.ts";
import { openApp } from "../src/app.ts";

// The whole autoscaler on a fake API server, with one activator played by the test over real HTTP.

const namespace = "default";
const closers: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

interface World {
  fake: FakeKube;
  port: number;
  app: RunningService;
  calls: string[];
}

async function openWorld(holding = true): Promise<World> {
  const fake = openFakeKube();
  const kube: KubeClient = fake;
  const calls: string[] = [];
  const client: ActivatorClient = {
    cordon: (_activator, { pods }) =>
      Promise.resolve(void calls.push(`cordon ${pods.join()}`)).then(() => ({ inFlight: {} })),
    uncordon: () => Promise.resolve({ inFlight: {} }),
    hold: () => Promise.resolve(void calls.push("hold")).then(() => ({ holding })),
  };
  await kube.create(EndpointSlice, {
    metadata: {
      name: "activator-1",
      namespace: "knative-serving",
      labels: { "kubernetes.io/service-name": "activator" },
    },
    addressType: "IPv4",
    ports: [{ name: "internal", port: 8090 }],
    endpoints: [
      { addresses: ["10.0.0.1"], conditions: { ready: true }, targetRef: { kind: "Pod", name: "activator-a" } },
    ],
  });
  const port = await freePort();
  const config = {
    systemNamespace: "knative-serving",
    podName: "autoscaler-1",
    podAddress: "127.0.0.1",
    host: "127.0.0.1",
    internalPort: port,
  };
  const log = createLogger("autoscaler", { level: "silent" });
  const app = await openApp(config, { kube, client, clock: systemClock, log });
  closers.push(() => app.close());
  return { fake, port, app, calls };
}

/** A revision at this scale, with as many Ready pods. */
async function addRevision({ fake }: World, replicas: number, annotations: Record<string, string> = {}): Promise<void> {
  const labels = { "serving.knative.dev/revision": "hello-00001" };
  await fake.create(Deployment, {
    metadata: { name: "hello-00001-deployment", namespace, labels },
    spec: { replicas, selector: {}, template: {} },
  });
  for (let index = 0; index < replicas; index += 1) {
    await fake.create(Pod, { metadata: { name: `pod-${index}`, namespace, labels }, spec: { containers: [] } });
    const pod = await fake.get(Pod, { name: `pod-${index}`, namespace });
    const status = { phase: "Running", conditions: [{ type: "Ready", status: "True" }] };
    await fake.update(Pod, { ...pod, status }, { subresource: "status" });
  }
  await fake.create(PodAutoscaler, {
    metadata: { name: "hello-00001", namespace, annotations },
    spec: { scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "hello-00001-deployment" } },
  });
}

/** One activator's stream; `say` writes a line. */
function openStream({ port }: World): { say: (revision: Partial<RevisionReport>) => void; stream: ClientRequest } {
  const headers = { "content-type": "application/x-ndjson" };
  const stream = openRequest({ host: "127.0.0.1", port, path: "/internal/v1/reports", method: "POST", headers });
  stream.on("error", () => {});
  closers.push(() => void stream.destroy());
  let sequence = 0;
  const startMs = performance.now();
  return {
    stream,
    say(change) {
      const revision = {
        namespace,
        revision: "hello-00001",
        concurrencyMs: 0,
        requestsEnded: 0,
        inFlight: 0,
        queued: 0,
        pods: {},
        openPods: [],
        ...change,
      };
      const report: ActivatorReport = {
        activator: "activator-a",
        bootId: "boot",
        sequence: sequence++,
        monotonicMs: performance.now() - startMs,
        revisions: Object.keys(change).length === 0 ? [] : [revision],
      };
      stream.write(`${JSON.stringify(report)}\n`);
    },
  };
}

const replicas = async ({ fake }: World): Promise<number | undefined> =>
  (await fake.get(Deployment, { name: "hello-00001-deployment", namespace })).spec?.replicas;

const statusOf = async ({ fake }: World): Promise<PodAutoscaler["status"]> =>
  (await fake.get(PodAutoscaler, { name: "hello-00001", namespace })).status;

test("the first request at zero raises the scale at once; the status says so", async () => {
  const world = await openWorld();
  await addRevision(world, 0);
  const { say } = openStream(world);
  await until(async () => (await statusOf(world))?.desiredScale !== undefined);
  say({ queued: 1 });
  await until(async () => (await replicas(world)) === 1);
  await until(async () => (await statusOf(world))?.desiredScale === 1);
  expect((await statusOf(world))?.conditions).toContainEqual(
    expect.objectContaining({ type: "Active", status: "Unknown", reason: "Queued" }),
  );
});

test("100 waiting requests of a container that takes one each ask for pods at once", async () => {
  const world = await openWorld();
  await addRevision(world, 0, {
    "autoscaling.knative.dev/target": "1",
    "autoscaling.knative.dev/target-utilization-percentage": "100",
  });
  const { say } = openStream(world);
  await until(async () => (await statusOf(world))?.desiredScale !== undefined);
  say({ queued: 100 });
  await until(async () => (await replicas(world)) === 100);
});

test("without the activator's stream nothing is scaled in; it explains itself", async () => {
  const world = await openWorld();
  await addRevision(world, 3, { "autoscaling.knative.dev/window": "6s" });
  await until(async () => (await statusOf(world))?.actualScale === 3);
  const answer = await fetch(`http://127.0.0.1:${world.port}/internal/v1/decisions/default/hello-00001`);
  expect(await answer.json()).toMatchObject({ revision: "default/hello-00001", decision: { podCount: 3 } });
  expect(await replicas(world)).toBe(3);
});

test("a line that is no report is refused and named", async () => {
  const world = await openWorld();
  await until(async () => (await fetch(`http://127.0.0.1:${world.port}/readyz`)).ok);
  const post = (body: string) =>
    fetch(`http://127.0.0.1:${world.port}/internal/v1/reports`, {
      method: "POST",
      body,
      headers: { "content-type": "application/x-ndjson" },
    });
  await until(async () => (await post("")).status === 204);
  expect((await post("{\n")).status).toBe(400);
  const answer = await post('{"activator":"a","bootId":"b","sequence":-1,"monotonicMs":0,"revisions":[]}\n');
  expect(await answer.json()).toEqual({ error: "a line is no report: expected 0 <= -1 <= Infinity: sequence" });
});

async function until(probe: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + 10_000;
  while (!(await probe())) {
    if (performance.now() > endMs) throw new Error("it did not come within 10 s");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
