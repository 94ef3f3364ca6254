import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import { createServer as createTcpServer, type AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "@jest/globals";
import {
  makeMemoryDeadLetterStore,
  openStreamDelivery,
  openStubBus,
  systemClock,
  type Bus,
  type Consumer,
  type StreamDelivery,
} from "@kelvin/bus";
import { eventAttribute } from "@kelvin/cloudevents";
import { acceptReply, type Entrance } from "../src/data-path/accept.ts";
import { openHttpSender } from "../src/data-path/http-sender.ts";
import { openIngress } from "../src/data-path/ingress.ts";
import { brokerPrivateAttributes } from "../src/data-path/time-to-live.ts";
import { call } from "./bus-world.ts";

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A subscriber over real HTTP that notes what it gets and answers as it is told. */
async function subscriber(answer: (got: Received) => { status: number; headers?: object; body?: string } | undefined) {
  const received: Received[] = [];
  const server: Server = createServer((message, response) => {
    let body = "";
    message.on("data", (chunk: Buffer) => (body += chunk.toString()));
    message.on("end", () => {
      const got = { headers: message.headers, body };
      received.push(got);
      const told = answer(got);
      if (told !== undefined) response.writeHead(told.status, { ...told.headers }).end(told.body ?? "");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, received };
}

interface Rig {
  readonly port: number;
  readonly delivery: StreamDelivery;
  readonly letters: (consumerId: string) => Promise<readonly { reason: string; detail: string }[]>;
}

/** A broker or channel on a bus in memory: ingress, engine and sender over real sockets. */
async function stream(kind: Entrance["kind"], consumers: readonly Consumer[], bus: Bus = openStubBus()): Promise<Rig> {
  const sender = openHttpSender({
    connectionsMax: 10,
    originsMax: 10,
    answerBytesMax: 100_000,
    connectMsMax: 500,
    clock: systemClock,
  });
  const deadLetters = makeMemoryDeadLetterStore({ bytesMax: 1_000_000, clock: systemClock });
  let entrance: Entrance | undefined;
  const delivery = await openStreamDelivery(
    bus,
    {
      log: { id: "s", partitions: 1, unfinishedBytesMax: 30_000 },
      reading: kind === "broker" ? "shared" : "each",
      handoffMs: 200,
      inFlightMax: 100,
    },
    {
      clock: systemClock,
      random: () => 0,
      sender,
      deadLetters,
      stream: {
        privateAttributes: brokerPrivateAttributes,
        acceptReply: async (reply, original) => {
          if (entrance !== undefined) await acceptReply(reply, original, entrance);
        },
      },
      note: () => undefined,
      onFault: (error) => {
        throw error;
      },
    },
  );
  await delivery.setConsumers(consumers);
  const opened: Entrance = { log: delivery.log, kind, nowMs: () => Date.now() };
  entrance = opened;
  const ingress = await openIngress({
    listeners: [{ name: "http", port: 0, host: "127.0.0.1" }],
    find: ({ path }) => (path === "/default/s" ? opened : undefined),
    bodyBytesMax: () => 1_000,
    log: { warn: () => undefined },
  });
  closers.push(async () => {
    await ingress.drain(100);
    await delivery.close(100);
    await sender.close();
    await bus.close();
  });
  const letters = (consumerId: string) => deadLetters.list(consumerId, { limit: 10 });
  return { port: ingress.addresses["http"]?.port ?? 0, delivery, letters };
}

function consumer(id: string, url: string, changes: Partial<Consumer> = {}): Consumer {
  return {
    id,
    uid: id,
    generation: 1,
    since: undefined,
    types: undefined,
    matches: undefined,
    subscriber: { url },
    reply: { kind: "stream" },
    deadLetter: undefined,
    retryPolicy: { retry: 1, backoff: { policy: "linear", delayMs: 10 }, timeoutMs: 1_000 },
    format: undefined,
    limits: { inFlight: 10, ratePerSecond: undefined, backlog: 100 },
    ...changes,
  };
}

const EVENT = { "ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "order" };

function send(
  port: number,
  headers: Record<string, string>,
  { body = "", method = "POST", path = "/default/s" } = {},
): ReturnType<typeof call> {
  return call(port, { path, method, headers, body });
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 200 && !(await isSo()); tries += 1)
    await new Promise((resolve) => setTimeout(resolve, 20));
  expect(await isSo()).toBe(true);
}

describe("a broker", () => {
  test("delivers to who matches, without its own attributes, and asks for replies", async () => {
    const sink = await subscriber(() => ({ status: 202 }));
    const { port } = await stream("broker", [
      consumer("orders", sink.url, { matches: (event) => eventAttribute(event, "type") === "order" }),
      consumer("others", sink.url, { matches: (event) => eventAttribute(event, "type") === "other" }),
    ]);
    const answer = await send(
      port,
      { ...EVENT, "content-type": "text/plain", "x-request-id": "r1", authorization: "secret" },
      { body: "data" },
    );
    expect([answer.status, answer.body]).toEqual([202, ""]);
    await until(() => sink.received.length === 1);
    const [got] = sink.received;
    expect(got).toMatchObject({
      body: "data",
      headers: { ...EVENT, "content-type": "text/plain", "x-request-id": "r1", prefer: "reply" },
    });
    expect(got?.headers["ce-knativearrivaltime"]).toMatch(/^20/);
    expect(Object.keys(got?.headers ?? {})).not.toContain("ce-knativebrokerttl");
    expect(Object.keys(got?.headers ?? {})).not.toContain("authorization");
  });

  test("takes a reply back in, and ends a loop of them", async () => {
    let replies = 0;
    const echo = await subscriber(({ headers, body }) => {
      replies += 1;
      return {
        status: 200,
        headers: { ...EVENT, "ce-id": `${String(headers["ce-id"])}r`, "content-type": "text/plain" },
        body,
      };
    });
    const { port, letters } = await stream("broker", [
      consumer("loop", echo.url, { retryPolicy: { retry: 0, backoff: undefined, timeoutMs: 1_000 } }),
    ]);
    await send(port, { ...EVENT, "ce-knativebrokerttl": "4" }, { body: "x" });
    await until(async () => (await letters("loop")).length === 1);
    expect(replies).toBe(3);
    expect((await letters("loop"))[0]?.detail).toContain("passed through this broker too often");
  });

  test("accepts batches, and refuses one with a bad event whole", async () => {
    const sink = await subscriber(() => ({ status: 202 }));
    const { port } = await stream("broker", [consumer("all", sink.url)]);
    const one = '{"specversion":"1.0","id":"1","source":"/s","type":"t","data":{"n":12345678901234567890}}';
    const type = { "content-type": "application/cloudevents-batch+json" };
    expect(await send(port, type, { body: `[${one},{"specversion":"1.0"}]` })).toMatchObject({
      status: 400,
      body: "event 1 of the batch: id: missing or empty\n",
    });
    expect(await send(port, type, { body: `[${one},${one}]` })).toMatchObject({ status: 202 });
    await until(() => sink.received.length === 2);
    expect(sink.received[0]?.headers["content-type"]).toBe("application/cloudevents+json; charset=utf-8");
    expect(sink.received[0]?.body).toContain("12345678901234567890");
  });

  test("a subscriber that never answers holds up no other, and its events end in the store", async () => {
    const silent = await subscriber(() => undefined);
    const good = await subscriber(() => ({ status: 204 }));
    const policy = { retry: 0, backoff: undefined, timeoutMs: 300 };
    const { port, letters } = await stream("broker", [
      consumer("silent", silent.url, { retryPolicy: policy }),
      consumer("good", good.url),
    ]);
    for (let count = 0; count < 3; count += 1) await send(port, { ...EVENT, "ce-id": `${count}` });
    await until(() => good.received.length === 3);
    await until(async () => (await letters("silent")).length === 3);
    expect((await letters("silent"))[0]).toMatchObject({ reason: "RetriesExhausted" });
  });

  test.each<[string, { headers?: Record<string, string>; how?: object }, { status: number; text: string }]>([
    ["no event", {}, { status: 400, text: "not a CloudEvent" }],
    ["no id", { headers: { ...EVENT, "ce-id": "" } }, { status: 400, text: "id: missing or empty" }],
    [
      "a format nobody speaks",
      { headers: { "content-type": "application/cloudevents+xml" } },
      { status: 415, text: "is not spoken here" },
    ],
    [
      "an unknown place",
      { headers: EVENT, how: { path: "/default/other" } },
      { status: 404, text: "no broker or channel" },
    ],
    ["a GET", { how: { method: "GET" } }, { status: 405, text: "events are posted" }],
    ["too much", { headers: EVENT, how: { body: "x".repeat(1_001) } }, { status: 413, text: "larger than 1000 bytes" }],
  ])("answers %s", async (_, { headers = {}, how = {} }, { status, text }) => {
    const { port } = await stream("broker", []);
    const answer = await send(port, headers, how);
    expect(answer.status).toBe(status);
    expect(answer.body).toContain(text);
  });

  test("answers the handshake of a webhook", async () => {
    const { port } = await stream("broker", []);
    const answer = await send(port, {}, { method: "OPTIONS" });
    expect([answer.status, answer.headers["webhook-allowed-origin"]]).toEqual([200, "*"]);
  });

  test("says 429 when too much waits", async () => {
    const silent = await subscriber(() => undefined);
    const { port } = await stream("channel", [consumer("silent", silent.url)]);
    let last = await send(port, EVENT);
    for (let count = 0; count < 1_000 && last.status === 202; count += 1) {
      last = await send(port, EVENT, { body: "x".repeat(900) });
    }
    expect([last.status, last.headers["retry-after"]]).toEqual([429, "1"]);
  });
});

describe("a channel", () => {
  test("carries any payload, and ignores answers that are no events", async () => {
    const sink = await subscriber(() => ({ status: 200, body: "thanks" }));
    const { port, letters } = await stream("channel", [consumer("s", sink.url, { reply: { kind: "none" } })]);
    expect((await send(port, { "content-type": "text/csv" }, { body: "a,b" })).status).toBe(202);
    await until(() => sink.received.length === 1);
    expect(sink.received[0]).toMatchObject({ body: "a,b", headers: { "content-type": "text/csv" } });
    expect(await letters("s")).toEqual([]);
  });
});

describe("answers", () => {
  const policy = { retry: 0, backoff: undefined, timeoutMs: 1_000 };
  const reply = { ...EVENT, "ce-id": "r", "ce-type": "answer", "x-request-id": "r1", "set-cookie": "a=b" };
  const hasHopHeaders = ({ headers }: Received): boolean =>
    ["set-cookie", "keep-alive", "date", "transfer-encoding"].some((name) => name in headers);

  test("of a subscriber that speaks no HTTP end in the store, and hurt nobody", async () => {
    const server = createTcpServer((socket) => {
      socket.on("error", () => undefined);
      socket.on("data", () => socket.end("\0\xff garbage\r\n\r\n"));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    closers.push(() => new Promise((resolve) => server.close(resolve)));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const good = await subscriber(() => ({ status: 200 }));
    const { port, letters } = await stream("broker", [
      consumer("garbage", url, { retryPolicy: policy }),
      consumer("good", good.url),
    ]);
    await send(port, EVENT);
    await until(async () => (await letters("garbage")).length === 1);
    expect((await letters("garbage"))[0]).toMatchObject({ reason: "RetriesExhausted" });
    await until(() => good.received.length === 1);
  });

  test("go on with the headers that are passed on, and without those of one hop: from a channel", async () => {
    const to = await subscriber(() => ({ status: 202 }));
    const echo = await subscriber(() => ({ status: 200, headers: reply, body: "data" }));
    const { port } = await stream("channel", [
      consumer("s", echo.url, { reply: { kind: "to", destination: { url: to.url } } }),
    ]);
    await send(port, EVENT);
    await until(() => to.received.length === 1);
    const [got] = to.received as [Received];
    expect(got).toMatchObject({ body: "data", headers: { "ce-id": "r", "x-request-id": "r1", "content-length": "4" } });
    expect([hasHopHeaders(got), got.headers["prefer"]]).toEqual([false, undefined]);
  });

  test("go on so from a broker too, as events of their own", async () => {
    const sink = await subscriber(() => ({ status: 202 }));
    const echo = await subscriber(() => ({ status: 200, headers: reply, body: "data" }));
    const { port } = await stream("broker", [
      consumer("echo", echo.url, { matches: (event) => eventAttribute(event, "type") === "order" }),
      consumer("answers", sink.url, { matches: (event) => eventAttribute(event, "type") === "answer" }),
    ]);
    await send(port, EVENT);
    await until(() => sink.received.length === 1);
    const [got] = sink.received as [Received];
    expect(got).toMatchObject({ body: "data", headers: { "ce-id": "r", "x-request-id": "r1", prefer: "reply" } });
    expect([hasHopHeaders(got), got.headers["ce-knativebrokerttl"]]).toEqual([false, undefined]);
  });
});

test("a consumer that wants one form gets that, whatever came", async () => {
  const [json, binary] = [await subscriber(() => ({ status: 202 })), await subscriber(() => ({ status: 202 }))];
  const { port } = await stream("broker", [
    consumer("json", json.url, { format: "structured" }),
    consumer("binary", binary.url, { format: "binary" }),
  ]);
  await send(port, { ...EVENT, "content-type": "text/plain" }, { body: "hi" });
  await until(() => json.received.length + binary.received.length === 2);
  expect(json.received[0]?.headers["content-type"]).toMatch(/^application\/cloudevents\+json/);
  expect(JSON.parse(json.received[0]?.body ?? "")).toMatchObject({ type: "order", data: "hi" });
  expect(binary.received[0]).toMatchObject({
    body: "hi",
    headers: { "ce-type": "order", "content-type": "text/plain" },
  });
});

test("a dead-letter sink gets the event as it came, with what failed, and without what is the broker's own", async () => {
  const ill = await subscriber(() => ({ status: 400, body: "no" }));
  const dead = await subscriber(() => ({ status: 202 }));
  const { port } = await stream("broker", [consumer("c", ill.url, { deadLetter: { url: dead.url } })]);
  await send(port, { ...EVENT, "content-type": "text/plain" }, { body: "hi" });
  await until(() => dead.received.length === 1);
  const [got] = dead.received as [Received];
  expect(got).toMatchObject({
    body: "hi",
    headers: {
      ...EVENT,
      "ce-knativeerrordest": ill.url,
      "ce-knativeerrorcode": "400",
      "ce-knativeerrordata": Buffer.from("no").toString("base64"),
    },
  });
  expect([got.headers["ce-knativebrokerttl"], got.headers["prefer"]]).toEqual([undefined, undefined]);
});

describe("the sender", () => {
  test("does not follow redirects", async () => {
    const login = await subscriber(() => ({ status: 200 }));
    const moved = await subscriber(() => ({ status: 302, headers: { location: login.url } }));
    const { port, letters } = await stream("broker", [consumer("m", moved.url)]);
    await send(port, EVENT);
    await until(async () => (await letters("m")).length === 1);
    expect(login.received).toEqual([]);
    expect((await letters("m"))[0]).toMatchObject({ reason: "Rejected" });
  });

  test.each([
    ["http://169.254.169.254/latest", "169.254.169.254 is not allowed"],
    ["ftp://127.0.0.1/", 'ftp:\\" is not http or https'],
    ["nowhere", "is not a URL"],
  ])("posts nothing to %s", async (url, reason) => {
    const { port, letters } = await stream("broker", [
      consumer("m", url, { retryPolicy: { retry: 0, backoff: undefined, timeoutMs: 1_000 } }),
    ]);
    await send(port, EVENT);
    await until(async () => (await letters("m")).length === 1);
    expect(JSON.stringify(await letters("m"))).toContain(reason);
  });
});
