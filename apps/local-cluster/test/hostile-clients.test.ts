import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { connect as connectPlain, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type TLSSocket } from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { stringAt } from "../src/api-server/api-object.ts";
import { startServerProcess, type ServerProcess } from "./server-process.ts";
import { openWatchStream, type WatchStream } from "./watch-stream.ts";

// What a server has to survive from whoever reaches its port. It is a process of its own, so that its memory can be read.

const isLong = process.env["KELVIN_TEST_LONG"] === "1";
const idleWatches = isLong ? 10_000 : 1_000;
/** The bound on its memory: the server itself, and what one idle watch may cost, TLS and HTTP and all. */
const ownMbMax = 400;
const watchKbMax = 120;
const rssMbMax = ownMbMax + (idleWatches * watchKbMax) / 1_024;
const configMaps = "/api/v1/namespaces/default/configmaps";

let directory = "";
let server: ServerProcess;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "kelvin-hostile-"));
  server = await startServerProcess(directory);
});
afterAll(async () => {
  await server.kill();
  await rm(directory, { recursive: true, force: true });
});

function rssMb(): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.pid}/status`, "utf8"))?.[1]) / 1_024;
}

async function expectAlive(): Promise<void> {
  expect((await server.client.call("GET", "/readyz")).code).toBe(200);
  expect(rssMb()).toBeLessThan(rssMbMax);
}

function openTls(): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port: Number(new URL(server.url).port), ca: server.caCert }, () =>
      resolve(socket),
    );
    socket.on("error", reject);
  });
}

/** Sends bytes as they are, and reads until the server closes. */
async function exchange(bytes: string | Buffer): Promise<string> {
  const socket = await openTls();
  let text = "";
  socket.removeAllListeners("error").on("error", () => undefined);
  socket.on("data", (chunk) => (text += String(chunk)));
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.write(bytes);
  await closed;
  return text;
}

describe("requests that are none", () => {
  const auth = (): string => `Host: h\r\nAuthorization: Bearer ${server.adminToken}\r\nConnection: close\r\n`;
  test.each([
    ["a giant URL", () => `GET /${"a".repeat(100_000)} HTTP/1.1\r\n${auth()}\r\n`, 431],
    ["giant headers", () => `GET / HTTP/1.1\r\n${auth()}X: ${"a".repeat(100_000)}\r\n\r\n`, 431],
    ["no HTTP", () => "\u0000\u0001\u0002\r\n\r\n", 400],
    [
      "two lengths",
      () => `POST ${configMaps} HTTP/1.1\r\n${auth()}Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}`,
      400,
    ],
    [
      "a length and chunks",
      () => `POST ${configMaps} HTTP/1.1\r\n${auth()}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      400,
    ],
    ["a long selector", () => `GET ${configMaps}?labelSelector=${"a,".repeat(20_000)} HTTP/1.1\r\n${auth()}\r\n`, 400],
    ["the form for proxies", () => `GET http://other/api/v1/pods HTTP/1.1\r\n${auth()}\r\n`, 404],
    ["an odd method", () => `REPORT ${configMaps} HTTP/1.1\r\n${auth()}\r\n`, 405],
  ])("%s", async (_name, bytes, code) => {
    const answer = await exchange(bytes());
    expect(answer.slice(0, 12)).toBe(`HTTP/1.1 ${code}`);
    const body: unknown = JSON.parse(answer.slice(answer.indexOf("\r\n\r\n")));
    expect(body).toMatchObject({ kind: "Status", status: "Failure", code });
    expect(stringAt(body, "message")).not.toBe("");
    await expectAlive();
  });

  const json = "application/json";
  test.each([
    { name: "not UTF-8", body: Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), type: json, code: 400 },
    { name: "four megabytes", body: Buffer.alloc(4_000_000, " "), type: json, code: 413 },
    { name: "of a type named constructor", body: Buffer.from("{}"), type: "constructor", code: 415 },
    { name: "too much YAML", body: Buffer.from("a: b\n".repeat(50_000)), type: "application/yaml", code: 413 },
  ])("a body that is $name", async ({ body, type, code }) => {
    const head = `POST ${configMaps} HTTP/1.1\r\n${auth()}Content-Type: ${type}\r\nContent-Length: ${body.length}\r\n\r\n`;
    const answer = await exchange(Buffer.concat([Buffer.from(head), body]));
    expect(answer.slice(0, 12)).toBe(`HTTP/1.1 ${code}`);
    expect(answer).toContain('"kind":"Status"');
    await expectAlive();
  });
});

test("connections that say nothing, half a head, or half a body do not keep others from being served", async () => {
  const port = Number(new URL(server.url).port);
  const silent: Socket[] = [];
  for (let count = 0; count < 300; count++) {
    if (count % 3 === 0) silent.push(connectPlain(port, "127.0.0.1").on("error", () => undefined));
    else {
      const socket = await openTls();
      socket.write(
        count % 3 === 1
          ? "GET / HT"
          : `POST ${configMaps} HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer ${server.adminToken}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{`,
      );
      silent.push(socket);
    }
  }
  await expectAlive();
  for (const socket of silent) socket.destroy();
  await expectAlive();
});

test(
  `${idleWatches} idle watches cost less than ${watchKbMax} KiB each, and all hear of a change`,
  async () => {
    const before = rssMb();
    const list = await server.client.call("GET", configMaps);
    const path = `${configMaps}?watch=1&resourceVersion=${stringAt(list.json, "metadata", "resourceVersion")}`;
    const streams: WatchStream[] = [];
    const batch = 50;
    while (streams.length < idleWatches) {
      streams.push(...(await Promise.all(Array.from({ length: batch }, () => openWatchStream(server, path)))));
    }
    await server.client.call("POST", configMaps, { body: { metadata: { name: "news" } } });
    await Promise.all(streams.map((stream) => stream.until(() => stream.events.length === 1)));
    await expectAlive();
    const eachKb = ((rssMb() - before) * 1_024) / idleWatches;
    process.stderr.write(
      `${idleWatches} watches: ${Math.round(rssMb())} MB, ${Math.round(eachKb)} KiB each (bound ${Math.round(rssMbMax)} MB)\n`,
    );
    for (const stream of streams) stream.close();
    await expectAlive();
  },
  isLong ? 300_000 : 60_000,
);
