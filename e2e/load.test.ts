import { type ChildProcess, spawn } from "node:child_process";
import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createTcpServer, type AddressInfo, type Socket } from "node:net";
import { afterEach, describe, expect, test } from "@jest/globals";
import { openLoad, type LoadReport } from "./load.ts";

// The load is a measuring instrument: it must notice each kind of failure, and none where there is none.

const running: { close(): unknown; closeAllConnections?(): void }[] = [];

afterEach(async () => {
  for (const server of running.splice(0)) {
    await server.close();
    server.closeAllConnections?.();
  }
});

async function serve(listener: RequestListener, onUpgrade?: (socket: Socket) => void): Promise<number> {
  const server = createServer(listener);
  if (onUpgrade !== undefined) server.on("upgrade", (_, socket: Socket) => onUpgrade(socket));
  return portOf(server);
}

async function portOf(server: Server | ReturnType<typeof createTcpServer>): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  running.push(server);
  return (server.address() as AddressInfo).port;
}

const nothing = { keepAliveConnections: 0, newConnectionsPerSecond: 0, streams: 0, webSockets: 0, timeoutMs: 300 };

/** Runs only the given parts of the load for a while. */
async function loadOn(port: number, parts: object, forMs = 150): Promise<LoadReport> {
  const load = openLoad({ host: "127.0.0.1", port, hostHeader: "x.default.localhost", ...nothing, ...parts });
  await new Promise((resolve) => setTimeout(resolve, forMs));
  return load.stop();
}

async function probeApp(): Promise<{ port: number; child: ChildProcess }> {
  const port = await serve(() => undefined);
  await running.pop()?.close();
  const child = spawn(process.execPath, ["e2e/apps/probe-app/server.js"], {
    env: { PORT: String(port) },
    stdio: ["ignore", "pipe", "inherit"],
  });
  running.push({ close: () => child.kill("SIGKILL") });
  await new Promise((resolve) => child.stdout?.once("data", resolve));
  return { port, child };
}

describe("against the probe-app", () => {
  test("all parts run and nothing fails", async () => {
    const { port } = await probeApp();
    const all = { keepAliveConnections: 5, newConnectionsPerSecond: 50, streams: 2, streamSeconds: 0.3, webSockets: 1 };
    const report = await loadOn(port, { ...all, timeoutMs: 5_000 }, 1_000);
    expect(report.failures).toEqual([]);
    expect(Object.values(report.counts).every((count) => count >= 4)).toBe(true);
    expect(report.requests).toBe(Object.values(report.counts).reduce((sum, count) => sum + count, 0));
    expect(report.latencyMs.max).toBeGreaterThan(0);
  });

  test("an orderly end of the server is none of the websocket's failures; being gone afterwards is", async () => {
    const { port, child } = await probeApp();
    const load = openLoad({ host: "127.0.0.1", port, hostHeader: "x", ...nothing, webSockets: 1 });
    await new Promise((resolve) => setTimeout(resolve, 250));
    child.kill("SIGTERM");
    await new Promise((resolve) => setTimeout(resolve, 250));
    const report = await load.stop();
    expect(report.webSocketReopens).toBe(1);
    expect(report.failures.every(({ cause }) => cause.includes("ECONNREFUSED"))).toBe(true);
    expect(report.failureCount).toBeGreaterThan(0);
  });
});

describe("each kind of failure is noticed", () => {
  const one = { keepAliveConnections: 1 };
  const rows: { name: string; listener: RequestListener; cause: RegExp; parts?: object }[] = [
    {
      name: "a status of the server's fault",
      listener: (_, response) => response.writeHead(503).end("no healthy pod"),
      cause: /^status 503: no healthy pod$/,
    },
    {
      name: "a route that is not there",
      listener: (_, response) => response.writeHead(404).end(),
      cause: /^status 404/,
    },
    { name: "a reset", listener: (request) => request.socket.resetAndDestroy(), cause: /ECONNRESET/ },
    { name: "a close without an answer", listener: (request) => request.socket.end(), cause: /socket hang up/ },
    {
      name: "a body shorter than announced",
      listener: (request, response) => {
        response.writeHead(200, { "content-length": 100 }).write("short");
        setTimeout(() => request.socket.end(), 10);
      },
      cause: /short body: ended after 5 bytes/,
    },
    {
      name: "a chunked body that is cut",
      listener: (request, response) => {
        response.write("some");
        setTimeout(() => request.socket.resetAndDestroy(), 10);
      },
      cause: /short body: ended after 4 bytes/,
    },
    { name: "an empty body", listener: (_, response) => response.end(), cause: /short body: it is empty/ },
    {
      name: "a POST that did not arrive whole",
      listener: (request, response) => {
        request.resume();
        response.end(request.method === "POST" ? "0 bytes, I think" : "fine");
      },
      cause: /wrong body: .* says 0 bytes, I think/,
    },
    {
      name: "silence",
      listener: () => undefined,
      cause: /nothing came for 300 ms/,
      parts: { newConnectionsPerSecond: 20 },
    },
    {
      name: "a stream that ends before its last line",
      listener: (_, response) => response.end("line 1 of 3\n"),
      cause: /short stream: it ended with "line 1 of 3\\n"/,
      parts: { streams: 1, streamSeconds: 0.3 },
    },
    {
      name: "a stream that is cut",
      listener: (request, response) => {
        response.write("line 1 of 3\n");
        setTimeout(() => request.socket.resetAndDestroy(), 10);
      },
      cause: /short body/,
      parts: { streams: 1, streamSeconds: 0.3 },
    },
    {
      name: "a websocket that is refused",
      listener: (_, response) => response.writeHead(502).end(),
      cause: /status 502 instead of an upgrade/,
      parts: { webSockets: 1 },
    },
  ];
  test.each(rows)("$name", async ({ listener, cause, parts = one }) => {
    const report = await loadOn(await serve(listener), parts);
    expect(report.failureCount).toBeGreaterThan(0);
    expect(report.failures.map((failure) => failure.cause)).toContainEqual(expect.stringMatching(cause));
    expect(report.failures[0]).toMatchObject({
      time: expect.stringMatching(/^\d{4}-.*Z$/),
      afterMs: expect.any(Number),
    });
  });

  const accepted = (socket: Socket): void => {
    // The key is random; a server that computes none is told apart by the next row.
    socket.write(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: no\r\n\r\n",
    );
  };
  test("a websocket that is accepted with the wrong key", async () => {
    const report = await loadOn(await serve(() => undefined, accepted), { webSockets: 1 });
    expect(report.failures[0]?.cause).toMatch(/wrong key/);
  });

  test("a server that dies in the middle: websocket, stream and requests all say so", async () => {
    const { port, child } = await probeApp();
    const parts = { keepAliveConnections: 2, streams: 1, streamSeconds: 5, webSockets: 1, timeoutMs: 2_000 };
    const load = openLoad({ host: "127.0.0.1", port, hostHeader: "x", ...nothing, ...parts });
    await new Promise((resolve) => setTimeout(resolve, 400));
    child.kill("SIGKILL");
    await new Promise((resolve) => setTimeout(resolve, 100));
    const report = await load.stop();
    expect(new Set(report.failures.map(({ part }) => part))).toEqual(new Set(["keep-alive", "stream", "websocket"]));
    const cut = report.failures.find(({ part }) => part === "websocket");
    expect(cut?.cause).toMatch(/without a closing handshake|ECONNRESET/);
  });

  test("nobody listens", async () => {
    const port = await portOf(createTcpServer());
    await running.pop()?.close();
    const report = await loadOn(port, {
      keepAliveConnections: 1,
      newConnectionsPerSecond: 20,
      streams: 1,
      webSockets: 1,
    });
    expect(new Set(report.failures.map(({ part }) => part)).size).toBe(4);
  });

  test("stop is bounded, and what never answers is reported", async () => {
    const port = await serve(() => undefined);
    const startMs = performance.now();
    const report = await loadOn(
      port,
      { keepAliveConnections: 3, newConnectionsPerSecond: 50, streams: 1, webSockets: 1 },
      50,
    );
    expect(performance.now() - startMs).toBeLessThan(5_000);
    expect(report.failureCount).toBe(report.requests);
  });
});
