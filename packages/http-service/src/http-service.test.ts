import { connect } from "node:net";
import { afterEach, describe, expect, test } from "@jest/globals";
import { makeControllerCounts } from "./controller-metrics.ts";
import { buildHttpApp, openHttpService } from "./http-service.ts";
import type { HttpAppOptions, HttpService, HttpServiceOptions } from "./http-service.ts";
import { createLogger } from "./logger.ts";

const silent = createLogger("test", { level: "silent" });

const services: HttpService[] = [];
afterEach(async () => {
  await Promise.all(services.splice(0).map((service) => service.close()));
});

async function open(options: Partial<HttpServiceOptions> = {}): Promise<HttpService> {
  const service = await openHttpService({ name: "test", host: "127.0.0.1", port: 0, log: silent, ...options });
  services.push(service);
  return service;
}

interface Answer {
  status: number;
  body: string;
}

async function get(path: string, options: Partial<HttpAppOptions> = {}): Promise<Answer> {
  const app = await buildHttpApp({ name: "test", log: silent, ...options });
  const { statusCode, body } = await app.inject(path);
  await app.close();
  return { status: statusCode, body };
}

describe("health", () => {
  test.each<[string, HttpAppOptions["ready"], number]>([
    ["says yes by default", undefined, 200],
    ["says yes", () => true, 200],
    ["says no", () => false, 503],
    ["says no later", () => Promise.resolve(false), 503],
    [
      "throws",
      () => {
        throw new Error("informer");
      },
      503,
    ],
    ["rejects", () => Promise.reject(new Error("informer")), 503],
  ])("/readyz when the app %s", async (_name, ready, status) => {
    const { address } = await open(ready === undefined ? {} : { ready });
    const statusOf = async (path: string): Promise<number> => (await fetch(`${address}${path}`)).status;
    expect(await statusOf("/readyz")).toBe(status);
    expect(await statusOf("/healthz")).toBe(200);
  });
});

describe("routes", () => {
  const open200 = async (routes: HttpAppOptions["routes"]): Promise<HttpService> => {
    const service = await open({ ...(routes !== undefined && { routes }) });
    expect((await fetch(`${service.address}/readyz`)).status).toBe(200);
    return service;
  };

  test("are built soon after it was said that the service is ready, before anybody asks for one", async () => {
    const built = Promise.withResolvers<void>();
    await open200(() => built.resolve());
    await built.promise;
  });

  test("that cannot be built make the service unready", async () => {
    const { address } = await open200(() => {
      throw new Error("twice");
    });
    expect((await fetch(`${address}/any`)).status).toBe(500);
    expect((await fetch(`${address}/readyz`)).status).toBe(503);
    expect((await fetch(`${address}/healthz`)).status).toBe(200);
  });
});

describe("errors", () => {
  const routes: HttpAppOptions["routes"] = (app) => {
    app.get("/boom", () => {
      throw new Error("password=hunter2");
    });
    app.post("/echo", (request) => request.body);
  };

  test("what goes wrong inside is said to be so, and no more", async () => {
    const { status, body } = await get("/boom", { routes });
    expect(status).toBe(500);
    expect(JSON.parse(body)).toMatchObject({ error: "InternalError" });
    expect(body).not.toContain("hunter2");
  });

  test("an unknown path, bad JSON and a large body are told apart", async () => {
    const service = await open({ routes, bodyBytesMax: 10 });
    const post = async (body: string): Promise<Answer> => {
      const headers = { "content-type": "application/json" };
      const response = await fetch(`${service.address}/echo`, { method: "POST", body, headers });
      return { status: response.status, body: await response.text() };
    };
    expect(await post("{bad")).toMatchObject({ status: 400 });
    expect(await post('"0123456789"')).toMatchObject({ status: 413 });
    expect(await post("{}")).toEqual({ status: 200, body: "{}" });
    expect(await get("/nowhere?x=1")).toEqual({
      status: 404,
      body: '{"error":"NotFound","message":"there is no GET /nowhere"}',
    });
  });

  test("a body that does not fit the route's schema names the field", async () => {
    const body = { type: "object", required: ["count"], properties: { count: { type: "integer" } } };
    const response = { 200: { type: "object", properties: { count: { type: "integer" } } } };
    const app = await buildHttpApp({
      name: "test",
      log: silent,
      routes: (built) => void built.post("/counts", { schema: { body, response } }, (request) => request.body),
    });
    const post = async (payload: object): Promise<string> =>
      (await app.inject({ method: "POST", url: "/counts", payload })).body;
    expect(await post({ count: "many" })).toContain("body/count must be integer");
    expect(await post({})).toContain("must have required property 'count'");
    expect(await post({ count: 3, secret: "x" })).toBe('{"count":3}');
    await app.close();
  });

  test("a taken port is an error that names it", async () => {
    const { port } = await open();
    await expect(open({ port })).rejects.toThrow(`127.0.0.1:${port}`);
  });
});

describe("metrics", () => {
  test("are those of the process and of the app, asked for when they are read", async () => {
    let reads = 0;
    const counts = makeControllerCounts();
    counts.queueDepth("c", 3);
    counts.reconciled("c", "done", 500);
    const service = await open({
      metrics: async (registry, prom) => {
        reads += 1;
        await counts.addMetrics(registry, prom);
      },
    });
    expect(reads).toBe(0);
    const scrape = async (): Promise<string> => (await fetch(`${service.address}/metrics`)).text();
    const first = await scrape();
    expect(first).toContain("process_cpu_seconds_total");
    expect(first).toContain('kelvin_work_queue_depth{controller="c",app="test"} 3');
    counts.reconciled("c", "retried", 500);
    const second = await scrape();
    expect(second).toContain('kelvin_reconciles_total{controller="c",result="done",app="test"} 1');
    expect(second).toContain('kelvin_reconciles_total{controller="c",result="retried",app="test"} 1');
    expect(second).toContain('kelvin_reconcile_seconds_total{controller="c",app="test"} 1');
    expect(reads).toBe(1);
  });
});

describe("log", () => {
  test("one line a request, but none for health; secrets are replaced", async () => {
    const lines: string[] = [];
    const log = createLogger("test", { destination: { write: (line) => void lines.push(line) } });
    const routes: HttpAppOptions["routes"] = (app) => {
      app.get("/things/:id", (_request, reply) => reply.code(204).send());
    };
    const service = await open({ log, routes });
    for (const url of ["/healthz", "/readyz", "/metrics", "/things/7?token=abc"])
      await fetch(`${service.address}${url}`);
    await service.close();
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      expect.objectContaining({ level: "info", name: "test", method: "GET", path: "/things/:id", statusCode: 204 }),
    ]);
    lines.length = 0;
    const request = { headers: { authorization: "Bearer x", accept: "y" } };
    log.info({ token: "x", user: { password: "x" }, request, secretObject: { data: { a: "x" } } }, "m");
    expect(lines[0]).not.toContain('"x"');
    expect(lines[0]).toContain('"accept":"y"');
  });
});

describe("close", () => {
  test("answers what is under way, refuses what is new, and cuts off what takes too long", async () => {
    const entered = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<string>();
    const routes: HttpAppOptions["routes"] = (app) => {
      app.get("/slow", () => {
        entered.resolve();
        return gate.promise;
      });
    };
    const service = await open({ routes });
    const slow = fetch(`${service.address}/slow`);
    await entered.promise;
    const closing = service.close();
    await expect(fetch(`${service.address}/healthz`)).rejects.toThrow();
    gate.resolve("done");
    expect(await (await slow).text()).toBe("done");
    await closing;
  });

  test("is not held up by a connection that only stays open", async () => {
    const service = await open({ drainMsMax: 50 });
    const socket = connect(service.port, "127.0.0.1");
    await new Promise((resolve) => socket.on("connect", resolve));
    socket.write("GET /healthz HTTP/1.1\r\nhost: x\r\n");
    socket.on("error", () => undefined);
    await service.close();
    socket.destroy();
  });
});
