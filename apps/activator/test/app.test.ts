import { Agent, createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import type { ActivatorReport, RoutingTableReport } from "@kelvin/api/scaling";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { type Lease, Pod } from "@kelvin/kube";
import {
  type Answer,
  generationOf,
  ingress,
  openWorld,
  revision,
  revisionBackend,
  startPod,
  startService,
  stopPods,
  type TestPod,
  until,
  type World,
} from "./world.ts";

jest.setTimeout(30_000);

let world: World;
beforeEach(async () => {
  world = await openWorld();
});
afterEach(async () => {
  await world.close();
  await stopPods();
});

/** One revision behind one host, served by nobody yet. */
async function serve(name: string, spec: object = {}): Promise<void> {
  world.kube.put(revision(name, spec));
  world.kube.put(ingress(name, { [name]: 100 }));
  await until(async () => (await generationOf(world, name)) === 1, "ingress applied");
}

async function answers(count: number, host: string): Promise<Answer[]> {
  return Promise.all(Array.from({ length: count }, () => world.get(host)));
}

async function inFlight(revisionName: string, pod: TestPod): Promise<number> {
  const body = { namespace: "default", revision: revisionName, pods: [pod.name] };
  const reply = (await world.internal("/internal/v1/uncordon", body)) as { inFlight: Record<string, number> };
  return reply.inFlight[pod.name] ?? 0;
}

describe("routing", () => {
  test("a host leads to the pods of its revision, whatever its case and port", async () => {
    await serve("hello");
    const pod = await startPod(world, "hello");
    expect(await world.get("hello.example.com")).toMatchObject({ status: 200, body: `hello ${pod.name}` });
    expect(await world.get("HELLO.example.com:8080")).toMatchObject({ status: 200 });
  });

  test("an unknown host is a 404 that names it", async () => {
    const answer = await world.get("nobody.example.com");
    expect(answer.status).toBe(404);
    expect(answer.body).toContain("nobody.example.com");
  });

  test("a split shares requests by percent, and what has none gets none", async () => {
    for (const name of ["old", "new", "off"]) {
      world.kube.put(revision(name));
      await startPod(world, name);
    }
    world.kube.put(ingress("split", { old: 90, new: 10, off: 0 }));
    await until(async () => (await generationOf(world, "split")) === 1, "ingress applied");
    const counts = new Map<string, number>();
    const agent = new Agent({ keepAlive: true, maxSockets: 10 });
    const all = await Promise.all(Array.from({ length: 1_000 }, () => world.get("split.example.com", { agent })));
    agent.destroy();
    for (const { body } of all) {
      const name = body.split(" ")[0] ?? "";
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    // Five standard deviations: one run in two million fails by chance.
    expect(Math.abs((counts.get("new") ?? 0) - 100)).toBeLessThan(48);
    expect((counts.get("old") ?? 0) + (counts.get("new") ?? 0)).toBe(1_000);
  });

  test("the first path in list order whose prefix and headers fit is taken", async () => {
    for (const name of ["root", "api", "beta"]) {
      world.kube.put(revision(name));
      await startPod(world, name);
    }
    world.kube.put(
      ingress(
        "paths",
        {},
        {
          paths: [
            { path: "/api", headers: { "X-Beta": { exact: "yes" } }, splits: [revisionBackend("beta", 100)] },
            { path: "/api", splits: [revisionBackend("api", 100)] },
            { splits: [revisionBackend("root", 100)] },
          ],
        },
      ),
    );
    await until(async () => (await generationOf(world, "paths")) === 1, "ingress applied");
    const get = async (path: string, headers = {}): Promise<string> =>
      (await world.get("paths.example.com", { path, headers })).body.split(" ")[0] ?? "";
    expect(await get("/")).toBe("root");
    expect(await get("/api/users?x=1")).toBe("api");
    expect(await get("/api", { "x-beta": "yes" })).toBe("beta");
    expect(await get("/api", { "x-beta": "no" })).toBe("api");
  });

  test("headers are set on the way, and nobody outside can pretend to be one of us", async () => {
    world.kube.put(revision("echo"));
    await startPod(world, "echo", { answer: (request, response) => response.end(JSON.stringify(request.headers)) });
    const backend = revisionBackend("echo", 100);
    world.kube.put(
      ingress(
        "echo",
        {},
        {
          paths: [
            {
              rewriteHost: "inner.default.svc.cluster.local",
              appendHeaders: { "X-Level": "path", "X-Path": "1" },
              splits: [{ ...backend, appendHeaders: { ...backend.appendHeaders, "x-level": "split" } }],
            },
          ],
        },
      ),
    );
    await until(async () => (await generationOf(world, "echo")) === 1, "ingress applied");
    const sent = {
      "knative-serving-revision": "forged",
      "k-original-host": "forged",
      "x-level": "forged",
      "x-own": "1",
    };
    const seen = JSON.parse((await world.get("echo.example.com", { headers: sent })).body) as Record<string, string>;
    expect(seen).toMatchObject({
      host: "inner.default.svc.cluster.local",
      "x-level": "split",
      "x-path": "1",
      "x-own": "1",
    });
    expect(Object.keys(seen).filter((name) => name.startsWith("k-") || name.startsWith("knative-"))).toEqual([]);
    expect(seen["x-forwarded-host"]).toBe("echo.example.com");
  });

  test("a cluster-local rule cannot be reached from outside", async () => {
    world.kube.put(revision("inner"));
    await startPod(world, "inner");
    const hosts = ["inner.default", "inner.default.svc", "inner.default.svc.cluster.local"];
    world.kube.put(ingress("inner", { inner: 100 }, { hosts, visibility: "ClusterLocal" }));
    await until(async () => (await generationOf(world, "inner")) === 1, "ingress applied");
    for (const host of hosts) {
      expect((await world.get(host)).status).toBe(404);
      expect((await world.get(host, { listener: "local" })).status).toBe(200);
    }
  });

  test("a gateway in front names the revision itself", async () => {
    world.kube.put(revision("direct"));
    const pod = await startPod(world, "direct");
    const headers = { "knative-serving-revision": "direct", "knative-serving-namespace": "default" };
    const answer = await world.get("any.host", { listener: "routed", headers });
    expect(answer).toMatchObject({ status: 200, body: `direct ${pod.name}` });
    expect((await world.get("any.host", { listener: "routed" })).status).toBe(404);
  });

  test("a plain Service is reached by its name and port on the cluster-local listener only", async () => {
    await startService(world, "plain", [
      { name: "web", port: 80, text: "web" },
      { name: "admin", port: 9000, text: "admin" },
    ]);
    await until(
      async () => (await world.get("plain.default.svc.cluster.local", { listener: "local" })).status === 200,
      "known",
    );
    expect((await world.get("plain.default", { listener: "local" })).body).toBe("web");
    expect((await world.get("plain.default.svc:9000", { listener: "local" })).body).toBe("admin");
    expect((await world.get("plain.default.svc.cluster.local:8081", { listener: "local" })).body).toBe("web");
    expect((await world.get("plain.default.svc.cluster.local")).status).toBe(404);
    expect((await world.get("nothing.default.svc.cluster.local", { listener: "local" })).status).toBe(404);
  });

  test("a Service that stands for one of our Routes is matched again, without a detour", async () => {
    await serve("target");
    const pod = await startPod(world, "target");
    const hosts = ["target.default.svc.cluster.local"];
    world.kube.put(ingress("target-local", { target: 100 }, { hosts, visibility: "ClusterLocal" }));
    world.kube.put(
      ingress(
        "mapping",
        {},
        {
          hosts: ["mapped.example.org"],
          paths: [
            {
              rewriteHost: "target.default.svc.cluster.local",
              splits: [{ serviceName: "target", servicePort: 80, percent: 100 }],
            },
          ],
        },
      ),
    );
    await until(async () => (await generationOf(world, "mapping")) === 1, "ingress applied");
    expect(await world.get("mapped.example.org")).toMatchObject({ status: 200, body: `target ${pod.name}` });
  });

  test("an Ingress that cannot be served leaves the last good routes in place", async () => {
    await serve("good");
    await startPod(world, "good");
    const backend = revisionBackend("good", 100);
    const paths = [{ splits: [{ ...backend, appendHeaders: { ...backend.appendHeaders, Bad: "a\r\nb" } }] }];
    world.kube.put(ingress("good", {}, { generation: 2, paths }));
    world.kube.put(ingress("other", { good: 100 }));
    await until(async () => (await generationOf(world, "other")) === 1, "later ingress applied");
    expect(await generationOf(world, "good")).toBe(1);
    expect((await world.get("good.example.com")).status).toBe(200);
  });
});

describe("from zero", () => {
  test("a hundred requests wait for the first pod and are all answered", async () => {
    await serve("hello");
    const waiting = answers(100, "hello.example.com");
    await startPod(world, "hello");
    expect((await waiting).map(({ status }) => status)).toEqual(Array.from({ length: 100 }, () => 200));
  });

  test("a pod is used as soon as it answers our own probe, before kubelet calls it ready", async () => {
    await serve("early");
    const readinessProbe = { httpGet: { path: "/healthz", port: "user-port" } };
    const pod = await startPod(world, "early", { ready: false, listens: false, readinessProbe });
    const waiting = world.get("early.example.com");
    await pod.restart();
    expect((await waiting).status).toBe(200);
    expect(pod.load.total).toBeGreaterThanOrEqual(2);
  });

  test("from kubelet's first Ready on, kubelet decides", async () => {
    await serve("strict");
    const pod = await startPod(world, "strict");
    expect((await world.get("strict.example.com")).status).toBe(200);
    pod.put({ ready: false });
    const waiting = world.get("strict.example.com");
    await until(() => queuedNow().then((count) => count === 1), "request queued");
    pod.put({ ready: true });
    expect((await waiting).status).toBe(200);
  });

  test("exec probes are never answered in kubelet's place", async () => {
    await serve("exec", { timeoutSeconds: 1 });
    const pod = await startPod(world, "exec", { ready: false, readinessProbe: { exec: { command: ["true"] } } });
    expect(await world.get("exec.example.com")).toMatchObject({
      status: 504,
      body: expect.stringContaining("request timeout"),
    });
    expect(pod.load.total).toBe(0);
  });

  test("a client that hangs up leaves the queue", async () => {
    await serve("gone");
    const abort = new AbortController();
    const waiting = world.get("gone.example.com", { signal: abort.signal }).catch(() => "aborted");
    await until(async () => (await queuedNow()) === 1, "request queued");
    abort.abort();
    expect(await waiting).toBe("aborted");
    await until(async () => (await queuedNow()) === 0, "queue empty");
  });
});

async function queuedNow(): Promise<number> {
  return Number(/^activator_queue_depth(?:\{[^}]*\})? (\d+)$/m.exec(await world.metrics())?.[1]);
}

describe("containerConcurrency", () => {
  test("is never exceeded at a container, clients that hang up included", async () => {
    await serve("single", { containerConcurrency: 1 });
    let [atWork, worst] = [0, 0];
    const pods = await Promise.all(
      [1, 2].map(() =>
        startPod(world, "single", {
          answer: (_request, response) => {
            // The container works on whether its client is there or not, as most do.
            atWork++;
            worst = Math.max(worst, atWork);
            setTimeout(() => {
              atWork--;
              response.end("done");
            }, 10);
          },
        }),
      ),
    );
    const patient = answers(40, "single.example.com");
    const impatient = Array.from({ length: 60 }, async (_, i) => {
      const signal = AbortSignal.timeout(5 + i * 3);
      await world.get("single.example.com", { signal }).catch(() => undefined);
    });
    await Promise.all(impatient);
    expect((await patient).every(({ status }) => status === 200)).toBe(true);
    expect(pods.map(({ load }) => load.max)).toEqual([1, 1]);
    expect(worst).toBe(2);
  });

  test("a slot comes back when the container ends, not when the client leaves", async () => {
    await serve("slow", { containerConcurrency: 1 });
    let end: (() => void) | undefined;
    const pod = await startPod(world, "slow", {
      answer: (_request, response) => {
        end = () => response.end("done");
      },
    });
    const abort = new AbortController();
    const first = world.get("slow.example.com", { signal: abort.signal }).catch(() => "aborted");
    await until(() => pod.load.now === 1, "first request in the container");
    abort.abort();
    await first;
    const second = world.get("slow.example.com");
    await until(async () => (await queuedNow()) === 1, "second request queued");
    expect(await inFlight("slow", pod)).toBe(1);
    end?.();
    await until(() => pod.load.total === 2, "second request in the container");
    end?.();
    expect((await second).body).toBe("done");
  });
});

describe("pods that go", () => {
  test("a process that died is waited for: the requests are held and answered", async () => {
    await serve("dies");
    const pod = await startPod(world, "dies");
    expect((await world.get("dies.example.com")).status).toBe(200);
    await pod.kill();
    const waiting = answers(20, "dies.example.com");
    await until(async () => (await queuedNow()) === 20, "requests queued");
    await pod.restart();
    expect((await waiting).map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200));
  });

  test("a restarted container is used as soon as it answers, though kubelet has not seen it yet", async () => {
    await serve("again");
    const pod = await startPod(world, "again");
    expect((await world.get("again.example.com")).status).toBe(200);
    await pod.kill();
    pod.put({ ready: false, containerId: "two" });
    const waiting = world.get("again.example.com");
    await until(async () => (await queuedNow()) === 1, "request queued");
    await pod.restart();
    expect((await waiting).status).toBe(200);
  });

  test("another pod takes what a dead one refuses", async () => {
    await serve("pair");
    const dead = await startPod(world, "pair", { listens: false });
    const alive = await startPod(world, "pair");
    expect((await answers(30, "pair.example.com")).every(({ status }) => status === 200)).toBe(true);
    expect([dead.load.total, alive.load.total]).toEqual([0, 30]);
  });

  test("when a pod's object is gone, what runs there gets a 502", async () => {
    await serve("vanishes");
    const pod = await startPod(world, "vanishes", { answer: () => undefined });
    const stuck = world.get("vanishes.example.com");
    await until(() => pod.load.now === 1, "request in the container");
    await world.kube.delete(Pod, { namespace: "default", name: pod.name });
    expect((await stuck).status).toBe(502);
  });

  test("a terminating pod ends what it has and gets nothing new", async () => {
    await serve("drains");
    let end: (() => void) | undefined;
    const old = await startPod(world, "drains", {
      answer: (_request, response) => {
        end = () => response.end("old");
      },
    });
    const running = world.get("drains.example.com");
    await until(() => old.load.now === 1, "request in the container");
    old.put({ terminating: true });
    const next = await startPod(world, "drains");
    await until(async () => (await world.get("drains.example.com")).body.includes(next.name), "new pod serves");
    expect((await answers(10, "drains.example.com")).every(({ body }) => body.includes(next.name))).toBe(true);
    end?.();
    expect((await running).body).toBe("old");
  });

  test("a cordoned pod gets nothing new until it is uncordoned", async () => {
    await serve("cordoned");
    const [a, b] = [await startPod(world, "cordoned"), await startPod(world, "cordoned")];
    const order = { namespace: "default", revision: "cordoned", pods: [a.name] };
    expect(await world.internal("/internal/v1/cordon", order)).toEqual({ inFlight: { [a.name]: 0 } });
    await answers(30, "cordoned.example.com");
    expect([a.load.total, b.load.total]).toEqual([0, 30]);
    await world.internal("/internal/v1/uncordon", order);
    await answers(30, "cordoned.example.com");
    expect(a.load.total).toBeGreaterThan(0);
  });
});

describe("a rollout under load", () => {
  test("changes revisions without one failed request", async () => {
    world.kube.put(revision("v1"));
    world.kube.put(ingress("app", { v1: 100 }));
    let pod = await startPod(world, "v1");
    const statuses = new Map<number | string, number>();
    let isOver = false;
    const agent = new Agent({ keepAlive: true });
    const clients = Array.from({ length: 8 }, async (_, i) => {
      while (!isOver) {
        const body = i % 2 === 0 ? undefined : "x".repeat(4_096);
        const options = {
          ...(body === undefined ? {} : { method: "POST", body }),
          ...(i % 4 < 2 ? {} : { agent }),
        };
        const outcome = await world.get("app.example.com", options).then(
          ({ status }) => status,
          (error: unknown) => String(error),
        );
        statuses.set(outcome, (statuses.get(outcome) ?? 0) + 1);
      }
    });
    for (let version = 2; version <= 10; version++) {
      const name = `v${version}`;
      const before = pod;
      world.kube.put(revision(name));
      pod = await startPod(world, name);
      world.kube.put(ingress("app", { [name]: 100 }, { generation: version }));
      await until(async () => (await generationOf(world, "app")) === version, "generation applied");
      before.put({ terminating: true });
      const old = { namespace: "default", revision: `v${version - 1}`, pods: [before.name] };
      await until(async () => {
        const reply = (await world.internal("/internal/v1/cordon", old)) as { inFlight: Record<string, number> };
        return reply.inFlight[before.name] === 0;
      }, "old pod idle");
      await world.kube.delete(Pod, { namespace: "default", name: before.name });
      await before.kill();
    }
    isOver = true;
    await Promise.all(clients);
    agent.destroy();
    // Before the first Ingress was applied the host was unknown; nothing else may have gone wrong.
    statuses.delete(404);
    expect([...statuses.keys()]).toEqual([200]);
  });
});

describe("the autoscaler", () => {
  test("hears of the first request at once, and of everything once a second", async () => {
    const reports: ActivatorReport[] = [];
    const { port, close } = await listenForReports(reports);
    world.kube.put(lease(`autoscaler-1_127.0.0.1:${port}`));
    await until(() => reports.length > 0, "first line");
    await serve("woken");
    const startedMs = performance.now();
    const waiting = world.get("woken.example.com");
    const queued = (): boolean =>
      (reports.at(-1)?.revisions ?? []).some((one) => one.revision === "woken" && one.queued === 1);
    await until(queued, "report of the queued request");
    expect(performance.now() - startedMs).toBeLessThan(900);
    const pod = await startPod(world, "woken");
    expect((await waiting).status).toBe(200);
    const ended = (): boolean =>
      reports.some(({ revisions }) =>
        revisions.some((one) => one.requestsEnded === 1 && one.openPods.includes(pod.name)),
      );
    await until(ended, "report of the ended request");
    expect(new Set(reports.map(({ bootId }) => bootId)).size).toBe(1);
    expect(reports.map(({ sequence }) => sequence)).toEqual(reports.map((_, i) => (reports[0]?.sequence ?? 0) + i));
    await close();
  });

  test("that is away or moves is found again, and requests are served meanwhile", async () => {
    await serve("static");
    await startPod(world, "static");
    const first: ActivatorReport[] = [];
    const before = await listenForReports(first);
    world.kube.put(lease(`autoscaler-1_127.0.0.1:${before.port}`));
    await until(() => first.length > 0, "first leader hears us");
    await before.close();
    expect((await world.get("static.example.com")).status).toBe(200);
    const second: ActivatorReport[] = [];
    const after = await listenForReports(second);
    world.kube.put(lease(`autoscaler-2_127.0.0.1:${after.port}`));
    await until(
      () => second.some(({ revisions }) => revisions.some((one) => one.requestsEnded === 1)),
      "second leader hears all",
    );
    await after.close();
  });

  test("may hold an idle revision only; what comes then is queued and told, and goes on if the pods stay", async () => {
    await serve("held");
    await startPod(world, "held");
    await world.get("held.example.com");
    const order = { namespace: "default", revision: "held" };
    expect(await world.internal("/internal/v1/hold", order)).toEqual({ holding: true });
    const waiting = world.get("held.example.com");
    await until(async () => (await queuedNow()) === 1, "request queued");
    expect(await world.internal("/internal/v1/hold", order)).toEqual({ holding: false });
    expect((await waiting).status).toBe(200);
  });
});

describe("the internal port", () => {
  test("a long poll answers when the table has changed", async () => {
    const before = (await world.internal("/internal/v1/table")) as RoutingTableReport;
    const poll = world.internal(`/internal/v1/table?since=${before.version}&waitSeconds=30`);
    world.kube.put(revision("polled"));
    world.kube.put(ingress("polled", { polled: 100 }, { generation: 7 }));
    const after = (await poll) as RoutingTableReport;
    expect(after.version).toBeGreaterThan(before.version);
    await until(async () => (await generationOf(world, "polled")) === 7, "generation acknowledged");
  });

  test("a generation counts only once every revision it names is known", async () => {
    world.kube.put(ingress("ahead", { unseen: 100 }));
    world.kube.put(revision("marker"));
    world.kube.put(ingress("marker", { marker: 100 }));
    await until(async () => (await generationOf(world, "marker")) === 1, "later ingress applied");
    expect(await generationOf(world, "ahead")).toBeUndefined();
    world.kube.put(revision("unseen"));
    await until(async () => (await generationOf(world, "ahead")) === 1, "generation acknowledged");
  });

  test("a malformed order is refused with what is wrong", async () => {
    await expect(world.internal("/internal/v1/hold", { namespace: "default" })).rejects.toThrow("revision");
  });
});

test("a websocket counts until it is closed", async () => {
  await serve("socket");
  const upgraded = createServer();
  upgraded.on("upgrade", (_request, socket) => {
    socket.write("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n");
    socket.on("error", () => undefined);
    socket.pipe(socket);
  });
  const pod = await startPod(world, "socket", { server: upgraded });
  const client = connect(world.activator.ports().public, "127.0.0.1");
  let seen = "";
  client.on("data", (bytes) => (seen += bytes.toString("latin1")));
  client.write("GET / HTTP/1.1\r\nhost: socket.example.com\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n");
  await until(() => seen.includes("\r\n\r\n"), "upgraded");
  client.write("ping");
  await until(() => seen.endsWith("ping"), "echoed");
  expect(await inFlight("socket", pod)).toBe(1);
  client.destroy();
  await until(async () => (await inFlight("socket", pod)) === 0, "counted out");
});

test("without an API server it goes on with what it knows, and is ready", async () => {
  await serve("static");
  await startPod(world, "static");
  expect((await world.get("static.example.com")).status).toBe(200);
  world.kube.intercept(() => {
    throw new Error("the API server is away");
  });
  world.kube.breakWatches();
  expect((await answers(20, "static.example.com")).every(({ status }) => status === 200)).toBe(true);
  expect(await world.isReady()).toBe(true);
  world.kube.intercept(undefined);
  await serve("later");
});

test("on the way out it is not ready, answers what it has, and ends", async () => {
  await serve("last");
  const pod = await startPod(world, "last", {
    answer: (_request, response) => setTimeout(() => response.end("whole"), 100),
  });
  const running = world.get("last.example.com");
  await until(() => pod.load.now === 1, "request in the container");
  await world.close();
  expect(await running).toMatchObject({ status: 200, body: "whole" });
  await expect(world.get("last.example.com")).rejects.toThrow();
});

function lease(holderIdentity: string): Lease {
  return {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: { name: "autoscaler", namespace: "knative-serving" },
    spec: { holderIdentity },
  };
}

async function listenForReports(reports: ActivatorReport[]): Promise<{ port: number; close: () => Promise<void> }> {
  const server = createServer((request) => {
    let partial = "";
    request.setEncoding("utf8");
    request.on("error", () => undefined);
    request.on("data", (chunk: string) => {
      const lines = (partial + chunk).split("\n");
      partial = lines.pop() ?? "";
      for (const line of lines) reports.push(JSON.parse(line) as ActivatorReport);
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
