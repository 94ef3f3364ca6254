import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { makeConcurrencyCounter } from "./concurrency.js";
import { closeWebSocket, serveWebSocketEcho } from "./websocket.js";

// See README.md for the paths and the environment variables.

const { EXIT_AT_ONCE, NEVER_LISTEN, START_DELAY_MS, REVISION, K_REVISION, PORT } = process.env;
const startedAt = Date.now();
const counter = makeConcurrencyCounter();
const webSockets = new Set();

if (EXIT_AT_ONCE === "1") {
  console.error("EXIT_AT_ONCE is set: exiting");
  process.exit(1);
}

const paths = {
  "/": (_, response) => {
    sendJson(response, { revision: REVISION ?? "", kRevision: K_REVISION ?? "", pid: process.pid });
  },
  "/sleep": async ({ query }, response) => {
    const ms = Number(query.get("ms") ?? 0);
    await sleep(ms);
    sendJson(response, { sleptMs: ms });
  },
  "/echo": async ({ request }, response) => {
    const hash = createHash("sha256");
    let bytes = 0;
    for await (const chunk of request) {
      hash.update(chunk);
      bytes += chunk.length;
    }
    sendJson(response, { method: request.method, bytes, sha256: hash.digest("hex") });
  },
  "/stream": async ({ query }, response) => {
    const lines = Math.round(Number(query.get("seconds") ?? 1) * 10);
    response.writeHead(200, { "content-type": "text/plain" });
    response.flushHeaders();
    for (let line = 1; line <= lines && !response.destroyed; line += 1) {
      await sleep(100);
      response.write(`line ${line} of ${lines}\n`);
    }
    response.end();
  },
  "/env": (_, response) => sendJson(response, process.env),
  "/headers": ({ request }, response) => sendJson(response, request.headers),
  "/status": ({ query }, response) => {
    response.writeHead(Number(query.get("code") ?? 200), { "content-type": "text/plain" });
    response.end("as asked\n");
  },
  "/crash": () => {
    console.error("asked to crash");
    process.exit(1);
  },
};

const server = createServer((request, response) => {
  const url = new URL(request.url ?? "/", "http://probe-app");
  // Read from outside while others run: it must not count itself.
  if (url.pathname === "/concurrency") {
    sendJson(response, { running: counter.running, max: counter.max, upMs: Date.now() - startedAt });
    return;
  }
  const serve = request.method === "POST" ? paths["/echo"] : paths[url.pathname];
  if (serve === undefined) {
    response.writeHead(404, { "content-type": "text/plain" }).end(`no such path: ${url.pathname}\n`);
    return;
  }
  counter.count(() => serve({ request, query: url.searchParams }, response)).catch((error) => response.destroy(error));
});

server.on("upgrade", (request, socket, head) => {
  webSockets.add(socket);
  socket.once("close", () => webSockets.delete(socket));
  serveWebSocketEcho(request, socket, head);
});

function sendJson(response, value) {
  response.writeHead(200, { "content-type": "application/json" });
  response.end(`${JSON.stringify(value)}\n`);
}

// Requests under way are finished; connections that wait for the next one are closed.
process.once("SIGTERM", () => {
  console.log("SIGTERM: finishing what is under way");
  server.close(() => process.exit(0));
  server.closeIdleConnections();
  for (const socket of webSockets) closeWebSocket(socket);
});

if (NEVER_LISTEN === "1") {
  console.log("NEVER_LISTEN is set: waiting for SIGTERM");
  setInterval(() => undefined, 60_000);
} else {
  await sleep(Number(START_DELAY_MS ?? 0));
  const port = Number(PORT ?? 8080);
  server.keepAliveTimeout = 75_000;
  server.listen(port, () => console.log(`listening on ${port}`));
}
