import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "@jest/globals";
import { ConfigMap } from "./core-kinds.ts";
import {
  ConflictError,
  ExpiredError,
  ForbiddenError,
  InvalidError,
  NotFoundError,
  UnavailableError,
} from "./errors.ts";
import { openKubeClient } from "./http-kube-client.ts";
import type { KubeClientOptions, OpenKubeClient } from "./http-kube-client.ts";
import type { KubeConfig } from "./kube-config.ts";
import type { WatchEvent } from "./kube-client.ts";

type Handler = (request: IncomingMessage, response: ServerResponse, body: string) => void;

const servers: Server[] = [];
const clients: OpenKubeClient[] = [];

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

async function serve(handler: Handler): Promise<Server> {
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
    request.on("end", () => handler(request, response, body));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

async function open(
  handler: Handler,
  config: Partial<KubeConfig> = {},
  options: KubeClientOptions = {},
): Promise<OpenKubeClient> {
  const { port } = (await serve(handler)).address() as AddressInfo;
  const client = openKubeClient({ server: `http://127.0.0.1:${port}`, namespace: "default", ...config }, options);
  clients.push(client);
  return client;
}

function send(response: ServerResponse, code: number, body: unknown): void {
  response.writeHead(code, { "content-type": "application/json" });
  response.end(typeof body === "string" ? body : JSON.stringify(body));
}

function status(code: number, reason: string, message = "m"): object {
  return { kind: "Status", apiVersion: "v1", status: "Failure", reason, message, code };
}

const key = { namespace: "n", name: "a" };
const object = { metadata: { ...key, resourceVersion: "5" } };

describe("requests", () => {
  test("go to the right paths with the right bodies", async () => {
    const seen: string[] = [];
    const kube = await open((request, response, body) => {
      seen.push(`${request.method} ${request.url} ${request.headers["content-type"] ?? ""} ${body}`);
      send(response, 200, object);
    });
    await kube.get(ConfigMap, key);
    await kube.update(ConfigMap, object, { subresource: "status", dryRun: true });
    await kube.patch(ConfigMap, key, { type: "json", body: [{ op: "remove", path: "/data" }] });
    await kube.delete(ConfigMap, key, { gracePeriodSeconds: 0, preconditions: { uid: "u" } });
    expect(seen).toEqual([
      "GET /api/v1/namespaces/n/configmaps/a  ",
      'PUT /api/v1/namespaces/n/configmaps/a/status?dryRun=All application/json {"metadata":{"namespace":"n","name":"a","resourceVersion":"5"},"apiVersion":"v1","kind":"ConfigMap"}',
      'PATCH /api/v1/namespaces/n/configmaps/a application/json-patch+json [{"op":"remove","path":"/data"}]',
      'DELETE /api/v1/namespaces/n/configmaps/a application/json {"apiVersion":"v1","kind":"DeleteOptions","gracePeriodSeconds":0,"preconditions":{"uid":"u"}}',
    ]);
  });

  test("keep a path that the server's URL has", async () => {
    const paths: string[] = [];
    const server = await serve((request, response) => {
      paths.push(request.url ?? "");
      send(response, 200, object);
    });
    const { port } = server.address() as AddressInfo;
    const kube = openKubeClient({ server: `http://127.0.0.1:${port}/k8s/clusters/c1/`, namespace: "x" });
    clients.push(kube);
    await kube.get(ConfigMap, key);
    expect(paths).toEqual(["/k8s/clusters/c1/api/v1/namespaces/n/configmaps/a"]);
  });

  test("carry a name that needs escaping as one path segment", async () => {
    let path = "";
    const kube = await open((request, response) => {
      path = request.url ?? "";
      send(response, 200, object);
    });
    await kube.get(ConfigMap, { namespace: "n", name: "../secrets/x" });
    expect(path).toBe("/api/v1/namespaces/n/configmaps/..%2Fsecrets%2Fx");
  });

  test("without the namespace they need are refused here", async () => {
    const kube = await open((_request, response) => send(response, 200, object));
    await expect(kube.get(ConfigMap, { name: "a" })).rejects.toThrow(InvalidError);
    await expect(kube.get(ConfigMap, { namespace: "n", name: "" })).rejects.toThrow(InvalidError);
  });
});

describe("errors", () => {
  test.each([
    [404, status(404, "NotFound"), NotFoundError],
    [409, status(409, "Conflict"), ConflictError],
    [410, status(410, "Expired"), ExpiredError],
    [422, status(422, "Invalid"), InvalidError],
    [403, status(403, "Forbidden"), ForbiddenError],
    [503, "<html>upstream is down</html>", UnavailableError],
    [500, status(500, "ServerTimeout"), UnavailableError],
    [200, "not JSON", UnavailableError],
    [200, "null", UnavailableError],
    [200, [], UnavailableError],
  ])("%d %j is of its class", async (code, body, errorClass) => {
    const kube = await open((_request, response) => send(response, code, body));
    await expect(kube.get(ConfigMap, key)).rejects.toThrow(errorClass);
  });

  test("a server that is not there, or hangs up, is Unavailable", async () => {
    const kube = openKubeClient({ server: "http://127.0.0.1:1", namespace: "x" });
    clients.push(kube);
    await expect(kube.get(ConfigMap, key)).rejects.toThrow(UnavailableError);
    const hangingUp = await open((request) => request.socket.destroy());
    await expect(hangingUp.get(ConfigMap, key)).rejects.toThrow(UnavailableError);
  });

  test("a server that does not answer is Unavailable in time", async () => {
    const kube = await open(() => undefined, {}, { answerMsMax: 50 });
    await expect(kube.get(ConfigMap, key)).rejects.toThrow(UnavailableError);
  });
});

describe("retries", () => {
  test("a read over a connection that the server has just closed is repeated, a write is not", async () => {
    let calls = 0;
    const kube = await open((request, response) => {
      calls += 1;
      if (calls % 2 === 1) request.socket.destroy();
      else send(response, 200, object);
    });
    expect(await kube.get(ConfigMap, key)).toMatchObject(object);
    expect(calls).toBe(2);
    await expect(kube.create(ConfigMap, { metadata: key })).rejects.toThrow(UnavailableError);
    expect(calls).toBe(3);
  });

  test("429 with Retry-After is waited for, writes too, and not for ever", async () => {
    let calls = 0;
    let refusals = 2;
    const kube = await open((_request, response) => {
      calls += 1;
      refusals -= 1;
      response.setHeader("retry-after", "0");
      if (refusals >= 0) send(response, 429, status(429, "TooManyRequests"));
      else send(response, 201, object);
    });
    await kube.create(ConfigMap, { metadata: key });
    expect(calls).toBe(3);
    refusals = 100;
    await expect(kube.create(ConfigMap, { metadata: key })).rejects.toThrow(UnavailableError);
    expect(calls).toBe(7);
  });

  test("401 asks for a fresh token, once", async () => {
    const refreshes: boolean[] = [];
    let token = "old";
    const authorization = (refresh: boolean): Promise<string> => {
      refreshes.push(refresh);
      if (refresh) token = "new";
      return Promise.resolve(`Bearer ${token}`);
    };
    const kube = await open(
      (request, response) =>
        request.headers.authorization === "Bearer new"
          ? send(response, 200, object)
          : send(response, 401, status(401, "Unauthorized")),
      { authorization },
    );
    await kube.get(ConfigMap, key);
    expect(refreshes).toEqual([false, true]);
  });

  test("a list whose pages expire is read again in one", async () => {
    const queries: (string | null)[] = [];
    const kube = await open((request, response) => {
      const { searchParams } = new URL(request.url ?? "", "http://x");
      queries.push(searchParams.get("limit"));
      if (searchParams.has("continue")) send(response, 410, status(410, "Expired"));
      else if (searchParams.has("limit"))
        send(response, 200, { metadata: { resourceVersion: "1", continue: "t" }, items: [object] });
      else send(response, 200, { metadata: { resourceVersion: "9" }, items: [object, object] });
    });
    expect(await kube.list(ConfigMap)).toMatchObject({ resourceVersion: "9", items: [object, object] });
    expect(queries).toEqual(["500", "500", null]);
  });
});

describe("watch", () => {
  async function read(
    kube: OpenKubeClient,
    options: { signal?: AbortSignal; timeoutSeconds?: number } = {},
  ): Promise<WatchEvent<ConfigMap>[]> {
    const events: WatchEvent<ConfigMap>[] = [];
    for await (const event of kube.watch(ConfigMap, { resourceVersion: "5", ...options })) events.push(event);
    return events;
  }

  const added = JSON.stringify({ type: "ADDED", object: { ...object, data: { text: "zwölf 🚀" } } });
  const bookmark = JSON.stringify({ type: "BOOKMARK", object: { metadata: { resourceVersion: "7" } } });

  test("reads events however they are cut into chunks", async () => {
    const bytes = Buffer.from(`${added}\n\n${bookmark}\n${added}`);
    const kube = await open((_request, response) => {
      response.writeHead(200);
      const writeFrom = (start: number): void => {
        if (start >= bytes.length) return void response.end();
        response.write(bytes.subarray(start, start + 3));
        setImmediate(writeFrom, start + 3);
      };
      writeFrom(0);
    });
    // The last one lacks its newline: it may have been cut off.
    const events = await read(kube);
    expect(events).toMatchObject([
      { type: "ADDED", object: { data: { text: "zwölf 🚀" }, kind: "ConfigMap" } },
      { type: "BOOKMARK", resourceVersion: "7" },
    ]);
  });

  test.each([
    ["an ERROR event", 200, `${JSON.stringify({ type: "ERROR", object: status(410, "Expired") })}\n`, ExpiredError],
    ["an HTTP error", 410, status(410, "Gone"), ExpiredError],
    ["an unknown event", 200, '{"type":"MOVED","object":{"metadata":{}}}\n', UnavailableError],
    ["a line that is not JSON", 200, "{]\n", UnavailableError],
    ["an event without an object", 200, '{"type":"ADDED"}\n', UnavailableError],
  ])("%s ends it with an error", async (...[, code, body, errorClass]) => {
    const kube = await open((_request, response) => send(response, code, body));
    await expect(read(kube)).rejects.toThrow(errorClass);
  });

  test("a connection that breaks is Unavailable", async () => {
    const kube = await open((request, response) => {
      response.writeHead(200);
      response.write(`${added}\n`);
      setImmediate(() => request.socket.destroy());
    });
    await expect(read(kube)).rejects.toThrow(UnavailableError);
  });

  test("does not use up the connections of calls, however many there are", async () => {
    const kube = await open((request, response) => {
      if (request.url?.includes("watch=true") === true) response.writeHead(200).flushHeaders();
      else send(response, 200, object);
    });
    const abort = new AbortController();
    const watches = Array.from({ length: 40 }, () => read(kube, { signal: abort.signal }));
    expect(await kube.get(ConfigMap, key)).toMatchObject(object);
    abort.abort();
    expect(await Promise.all(watches)).toEqual(watches.map(() => []));
  });

  test("closes its connection when the reader stops", async () => {
    const closed = Promise.withResolvers<void>();
    const kube = await open((_request, response) => {
      response.on("close", () => closed.resolve());
      response.writeHead(200);
      response.write(`${added}\n`);
    });
    for await (const event of kube.watch(ConfigMap, { resourceVersion: "5" })) {
      expect(event.type).toBe("ADDED");
      break;
    }
    await closed.promise;
  });

  test("is taken for dead long after its time, or in silence after bookmarks", async () => {
    const timers: { callback: () => void; delayMs: number }[] = [];
    const clock = {
      now: () => new Date(),
      monotonicMs: () => 0,
      sleep: () => Promise.resolve(),
      setTimer: (callback: () => void, delayMs: number) => {
        timers.push({ callback, delayMs });
        return () => undefined;
      },
    };
    const kube = await open(
      (_request, response) => {
        response.writeHead(200);
        response.write(`${bookmark}\n`);
      },
      {},
      { clock },
    );
    for (const delayMs of [90_000, 180_000]) {
      timers.length = 0;
      const watch = kube.watch(ConfigMap, { resourceVersion: "5", timeoutSeconds: 60 })[Symbol.asyncIterator]();
      await watch.next();
      timers.find((timer) => timer.delayMs === delayMs)?.callback();
      await expect(watch.next()).rejects.toThrow("went silent");
    }
  });
});
