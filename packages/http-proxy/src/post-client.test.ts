import { createServer as createHttpServer, type IncomingMessage } from "node:http";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { afterEach, describe, expect, test } from "@jest/globals";
import { openPostClient } from "./post-client.ts";
import type { PostAnswer, PostClient, PostClientOptions, PostRequest } from "./post-client.ts";

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

interface RawServer {
  readonly port: number;
  readonly sockets: Socket[];
  /** All that came, over all connections. */
  received(): string;
}

/** Speaks to each connection as it is told, when a request has come whole. */
async function rawServer(speak: (socket: Socket, request: number) => void): Promise<RawServer> {
  const sockets: Socket[] = [];
  let received = "";
  let requests = 0;
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => undefined);
    let pending = "";
    socket.on("data", (bytes: Buffer) => {
      received += bytes.toString("latin1");
      pending += bytes.toString("latin1");
      if (!pending.endsWith("data")) return;
      pending = "";
      requests += 1;
      speak(socket, requests);
    });
  });
  closers.push(() => sockets.forEach((socket) => socket.destroy()));
  return { port: await listening(server), sockets, received: () => received };
}

function client(options: Partial<PostClientOptions> = {}): PostClient {
  const opened = openPostClient({ connectionsMax: 10, answerBytesMax: 1_000, idleMsMax: 4_000, ...options });
  closers.push(() => opened.close());
  return opened;
}

function request(port: number, changes: Partial<PostRequest> = {}): PostRequest {
  const body = Buffer.from("data");
  return { host: "127.0.0.1", port, authority: "sink.example", path: "/in?a=b", headers: [], body, ...changes };
}

function post(opened: PostClient, ...args: Parameters<typeof request>): Promise<PostAnswer> {
  return opened.post(request(...args)).answer;
}

async function told(answer: Promise<PostAnswer>): Promise<string> {
  return answer.then(
    ({ status, body }) => `${status} ${body.toString()}`,
    (error: Error) => error.message,
  );
}

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

describe("a POST", () => {
  test("comes as it is, without what belongs to a connection", async () => {
    const seen: { message: IncomingMessage; body: Buffer }[] = [];
    const server = createHttpServer((message, response) => {
      const parts: Buffer[] = [];
      message.on("data", (part: Buffer) => parts.push(part));
      message.on("end", () => {
        seen.push({ message, body: Buffer.concat(parts) });
        response.writeHead(202, { "X-Twice": ["a", "b"] }).end("thanks");
      });
    });
    const port = await listening(server);
    const opened = client();
    const headers = [
      "ce-id",
      "1",
      "Connection",
      "close",
      "transfer-encoding",
      "chunked",
      "content-length",
      "9",
      "x",
      "é",
    ];
    const answer = await post(opened, port, { headers });
    expect([answer.status, answer.body.toString()]).toEqual([202, "thanks"]);
    expect(answer.headers.slice(0, 4)).toEqual(["X-Twice", "a", "X-Twice", "b"]);
    for (const bytes of [0, 1, 16 * 1024 + 1, 3_000_000]) await post(opened, port, { body: Buffer.alloc(bytes, "x") });
    expect(seen[0]?.message).toMatchObject({
      method: "POST",
      url: "/in?a=b",
      rawHeaders: ["Host", "sink.example", "ce-id", "1", "x", "é", "content-length", "4"],
    });
    expect(seen.map(({ body }) => body.length)).toEqual([4, 0, 1, 16 * 1024 + 1, 3_000_000]);
  });

  test.each([
    ["a header", { headers: ["x", "a\r\ny: b"] }],
    ["a name", { headers: ["x y", "a"] }],
    ["the path", { path: "/a b" }],
    ["the host", { authority: "a\r\nb" }],
  ])("with a break in %s is not sent", async (_, changes) => {
    const server = await rawServer((socket) => socket.write(ok));
    expect(await told(post(client(), server.port, changes))).toBe(
      "a header or the path holds what HTTP does not allow",
    );
    expect(server.received()).toBe("");
  });
});

describe("an answer", () => {
  test.each<[string, string, string]>([
    [
      "chunks, with an extension and a trailer",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nok\r\n1\r\n!\r\n0\r\nT: 1\r\n\r\n",
      "200 ok!",
    ],
    ["none that it may have", "HTTP/1.1 204 No Content\r\n\r\n", "204 "],
    ["after an interim one", `HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n${ok}`, "200 ok"],
    [
      "cut at the bound",
      `HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n${"x".repeat(1_500)}`,
      `200 ${"x".repeat(1_000)}`,
    ],
    ["garbage", "220 mail.example ESMTP\r\n", "not an HTTP answer: no HTTP/1.x status line"],
    [
      "two lengths",
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
      "not an HTTP answer: more than one Content-Length field",
    ],
    [
      "a bad chunk",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
      "not an HTTP answer: a chunk without a size",
    ],
    [
      "another protocol",
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
      "not an answer to a POST",
    ],
  ])("%s, in one piece or byte by byte", async (_, text, expected) => {
    const whole = await rawServer((socket) => socket.write(text, "latin1"));
    expect(await told(post(client(), whole.port))).toBe(expected);
    const dripping = await rawServer((socket) => drip(socket, text));
    expect(await told(post(client(), dripping.port))).toBe(expected);
  });

  test("ends with its connection when it says no length; before its end it is none", async () => {
    const untilClose = await rawServer((socket) => socket.end("HTTP/1.0 200 OK\r\n\r\nall"));
    expect(await told(post(client(), untilClose.port))).toBe("200 all");
    const short = await rawServer((socket) => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"));
    expect(await told(post(client(), short.port))).toBe("the connection ended before the answer did");
    const reset = await rawServer((socket) => socket.resetAndDestroy());
    expect(await told(post(client(), reset.port))).toBe("the connection ended before the answer did");
  });
});

describe("a connection", () => {
  test("is used again, and by one at a time", async () => {
    const server = await rawServer((socket) => socket.write(ok));
    const opened = client();
    for (let count = 0; count < 3; count += 1) await post(opened, server.port);
    expect(server.sockets).toHaveLength(1);
    await Promise.all([post(opened, server.port), post(opened, server.port)]);
    expect(server.sockets).toHaveLength(2);
  });

  test.each<[string, string]>([
    ["says close", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"],
    ["is of version 1.0", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"],
    ["says more than the answer", `${ok}HTTP/1.1 200 OK\r\n\r\n`],
    ["keeps it for no time", "HTTP/1.1 200 OK\r\nKeep-Alive: timeout=0\r\nContent-Length: 2\r\n\r\nok"],
  ])("that %s is not used again", async (_, text) => {
    const server = await rawServer((socket) => socket.write(text));
    const opened = client();
    for (let count = 0; count < 2; count += 1) expect(await told(post(opened, server.port))).toBe("200 ok");
    expect(server.sockets).toHaveLength(2);
  });

  test("that is spoken on while it is idle is given up", async () => {
    const server = await rawServer((socket) => socket.write(ok));
    const opened = client();
    await post(opened, server.port);
    const closed = new Promise((resolve) => server.sockets[0]?.once("close", resolve));
    server.sockets[0]?.write(ok);
    await closed;
    await post(opened, server.port);
    expect(server.sockets).toHaveLength(2);
  });

  test("that is one too many is not made", async () => {
    const server = await rawServer(() => undefined);
    const opened = client({ connectionsMax: 1 });
    const first = opened.post(request(server.port));
    expect(await told(post(opened, server.port))).toBe("1 connections are open already");
    first.abort("enough");
    expect(await told(first.answer)).toBe("enough");
  });

  test("that cannot be made says why", async () => {
    const server = createServer();
    const port = await listening(server);
    await new Promise((resolve) => server.close(resolve));
    expect(await told(post(client(), port))).toBe(`no connection to 127.0.0.1:${port}: ECONNREFUSED`);
    const lookup = (_: string, __: object, done: (error: Error, address: string) => void): void => {
      done(new Error("not an address for events"), "");
    };
    const refused = await told(post(client({ lookup }), port, { host: "metadata.example" }));
    expect(refused).toBe(`no connection to metadata.example:${port}: not an address for events`);
  });
});

describe("giving up", () => {
  test("closes the connection, and does nothing to whoever has it after the answer", async () => {
    const server = await rawServer((socket, number) => {
      if (number !== 1) socket.write(ok);
    });
    const opened = client();
    const silent = opened.post(request(server.port));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(silent.isConnected).toBe(true);
    silent.abort("no answer within 20 ms");
    expect(await told(silent.answer)).toBe("no answer within 20 ms");
    const answered = opened.post(request(server.port));
    await answered.answer;
    const next = opened.post(request(server.port));
    answered.abort("too late");
    expect(await told(next.answer)).toBe("200 ok");
    expect(server.sockets).toHaveLength(2);
  });

  test("of the client ends all that is on its way", async () => {
    const server = await rawServer(() => undefined);
    const opened = client();
    const answers = [told(post(opened, server.port)), told(post(opened, server.port))];
    opened.close();
    expect(await Promise.all(answers)).toEqual(["the client was closed", "the client was closed"]);
    expect(await told(post(opened, server.port))).toBe("the client was closed");
  });
});

function drip(socket: Socket, text: string): void {
  const bytes = Buffer.from(text, "latin1");
  let sent = 0;
  socket.setNoDelay(true);
  const next = (): void => {
    if (sent === bytes.length || socket.destroyed) return;
    const size = bytes.length > 500 ? 97 : 1;
    socket.write(bytes.subarray(sent, sent + size), () => setImmediate(next));
    sent = Math.min(bytes.length, sent + size);
  };
  next();
}
