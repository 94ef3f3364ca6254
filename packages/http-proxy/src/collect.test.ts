import { afterEach, describe, expect, test } from "@jest/globals";
import type { CollectOptions, Exchange } from "./exchange.ts";
import { openRig, type RawSocket } from "./raw-sockets.fixture.ts";

const rig = openRig();
const { proxyOf, clientOf } = rig;
afterEach(() => rig.close());

/** A server that answers with what it took in: the number of bytes and the bytes. */
async function taking(options: Partial<CollectOptions> = {}, outcomes: string[] = []): Promise<RawSocket> {
  const { port } = await proxyOf((exchange: Exchange) => {
    exchange.onEnd = ({ outcome, status }) => outcomes.push(`${outcome} ${status}`);
    exchange.collect({
      bytesMax: 100,
      msMax: 10_000,
      onBody: (taken, body) => taken.respond(200, `${body.length}:${body.toString()}.END`),
      ...options,
    });
  });
  return clientOf(port);
}

const post = "POST / HTTP/1.1\r\nHost: a\r\n";

async function answerTo(client: RawSocket, ...parts: string[]): Promise<string> {
  for (const part of parts) {
    client.send(part);
    await new Promise((resolve) => setImmediate(resolve));
  }
  const answer = await client.untilReceived("END");
  client.take();
  return answer.slice(answer.indexOf("\r\n\r\n") + 4);
}

describe("a body that is taken in", () => {
  test.each([
    ["with a length", [`${post}Content-Length: 5\r\n\r\nhello`], "5:hello.END"],
    ["in pieces", [`${post}Content-Length: 5\r\n\r\n`, "he", "llo"], "5:hello.END"],
    ["in chunks", [`${post}Transfer-Encoding: chunked\r\n\r\n2;x=y\r\nhe\r\n`, "3\r\nllo\r\n0\r\n\r\n"], "5:hello.END"],
    ["that is none", [`${post}\r\n`], "0:.END"],
    ["that is empty", [`${post}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`], "0:.END"],
  ])("%s", async (_, parts, expected) => {
    expect(await answerTo(await taking(), ...parts)).toBe(expected);
  });

  test("leaves the connection to the next request, pipelined or later", async () => {
    const client = await taking();
    const request = `${post}Content-Length: 2\r\n\r\nab`;
    client.send(request + request);
    await client.until(({ input }) => input.split("END").length === 3);
    client.take();
    expect(await answerTo(client, request)).toBe("2:ab.END");
  });

  test("is asked for when the client waits", async () => {
    const client = await taking();
    client.send(`${post}Content-Length: 2\r\nExpect: 100-continue\r\n\r\n`);
    expect(await client.untilReceived("100 Continue")).toBe("HTTP/1.1 100 Continue\r\n\r\n");
    client.take();
    expect(await answerTo(client, "ab")).toBe("2:ab.END");
  });
});

describe("a client that reads the answer only after it has sent all", () => {
  const announced = `${post}Content-Length: 10000000\r\n\r\n`;

  /** Sends for as long as is said, and notes how that went. */
  async function sendOn(client: RawSocket, durationMs: number): Promise<void> {
    client.socket.pause();
    client.send(announced);
    for (let passedMs = 0; passedMs < durationMs && !client.isClosed; passedMs += 20) {
      client.send("x".repeat(1_000));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    client.socket.resume();
  }

  test("gets it, however long that took", async () => {
    const { port } = await proxyOf((exchange) => exchange.respond(413, "too large END"), { lingerMsMax: 100 });
    const client = await clientOf(port);
    await sendOn(client, 600);
    expect(await client.untilReceived("END")).toMatch(/^HTTP\/1.1 413 .*Connection: close/s);
    expect(client.error).toBeUndefined();
  });

  test("is cut off in the end", async () => {
    const limits = { lingerMsMax: 100, lingerBusyMsMax: 200 };
    const { port } = await proxyOf((exchange) => exchange.respond(413, "too large END"), limits);
    const client = await clientOf(port);
    await sendOn(client, 5_000);
    await client.until(({ isClosed }) => isClosed);
    expect(client.error).toMatch(/ECONNRESET|EPIPE/);
  });
});

describe("what is refused", () => {
  test("a length over the limit, before any of the body", async () => {
    const client = await taking();
    client.send(`${post}Content-Length: 101\r\nExpect: 100-continue\r\n\r\n`);
    expect(await client.untilReceived("bytes\n")).toMatch(/^HTTP\/1.1 413 .*the body is larger than 100 bytes\n$/s);
  });

  test("chunks that go over it", async () => {
    const client = await taking();
    client.send(`${post}Transfer-Encoding: chunked\r\n\r\n65\r\n${"x".repeat(101)}\r\n0\r\n\r\n`);
    expect(await client.untilReceived("bytes\n")).toMatch(/^HTTP\/1.1 413 /);
  });

  test("a body that does not come", async () => {
    const client = await taking({ msMax: 50 });
    client.send(`${post}Content-Length: 5\r\n\r\nhe`);
    expect(await client.untilOver()).toMatch(/^HTTP\/1.1 408 .*Connection: close/s);
  });

  test("chunks that are none", async () => {
    const client = await taking();
    client.send(`${post}Transfer-Encoding: chunked\r\n\r\nzz\r\n`);
    expect(await client.untilOver()).toMatch(/^HTTP\/1.1 400 /);
  });
});

test("a client that goes away in the middle ends the exchange, and nobody gets half a body", async () => {
  const outcomes: string[] = [];
  let bodies = 0;
  const client = await taking({ onBody: () => (bodies += 1) }, outcomes);
  client.send(`${post}Content-Length: 5\r\n\r\nhe`);
  await new Promise((resolve) => setTimeout(resolve, 20));
  client.socket.destroy();
  while (outcomes.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  expect([outcomes, bodies]).toEqual([["client-gone 0"], 0]);
});

test("rawHeaders are all fields as they came", async () => {
  let seen: string[] = [];
  const { port } = await proxyOf((exchange) => {
    seen = exchange.rawHeaders();
    exchange.respond(200, "END");
  });
  const client = await clientOf(port);
  client.send("GET / HTTP/1.1\r\nHost: a\r\nce-ID:  1 \r\nCe-Id: \xe9\r\n\r\n");
  await client.untilReceived("END");
  expect(seen).toEqual(["Host", "a", "ce-ID", "1", "Ce-Id", "\xe9"]);
});
