import { afterEach, describe, expect, test } from "@jest/globals";
import type { ConnectFailure, Exchange, ForwardOptions, UpstreamEndReason } from "./exchange.ts";
import {
  openAnsweringContainer,
  openRawContainer,
  openRig,
  textResponse,
  type RawSocket,
} from "./raw-sockets.fixture.ts";

const rig = openRig();
const { containerOf, proxyOf, clientOf } = rig;
afterEach(() => rig.close());

const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi";
/** A port of this machine where nobody listens. */
const refusing = "127.0.0.1:1";

/** Forwards everything and tells how the container's and the client's side ended. */
async function forwarding(options: ForwardOptions, limits = {}) {
  const upstreamEnd = Promise.withResolvers<UpstreamEndReason>();
  const end = Promise.withResolvers<Exchange>();
  const { port, proxy } = await proxyOf((exchange) => {
    exchange.onEnd = end.resolve;
    exchange.forward({ ...options, onUpstreamEnd: (_, reason) => upstreamEnd.resolve(reason) });
  }, limits);
  return { port, proxy, client: await clientOf(port), upstreamEnd: upstreamEnd.promise, end: end.promise };
}

describe("no connection", () => {
  test("is the caller's to mend: nothing was sent, so another address may be tried", async () => {
    const container = await containerOf(openAnsweringContainer((head) => textResponse(head.slice(0, 4))));
    const failures: ConnectFailure[] = [];
    const ends: string[] = [];
    const { port, proxy } = await proxyOf((exchange) =>
      exchange.forward({
        address: refusing,
        onUpstreamEnd: () => ends.push("refusing"),
        onConnectFailed(again, failure) {
          failures.push(failure);
          again.forward({ address: container.address, onUpstreamEnd: () => ends.push("answering") });
        },
      }),
    );
    const client = await clientOf(port);
    client.send(post);
    expect(await client.untilReceived("POST")).toContain("200 OK");
    expect(failures).toEqual([{ address: refusing, code: "ECONNREFUSED" }]);
    expect(ends).toEqual(["answering"]);
    expect(proxy.counters.connectFailures).toBe(1);
  });

  test("is a 502 when the caller does not care, and the client's connection closes", async () => {
    const { client, upstreamEnd, end } = await forwarding({ address: refusing });
    client.send(get);
    expect(await client.untilOver()).toMatch(/^HTTP\/1\.1 502 [^]*Connection: close/);
    expect([await upstreamEnd, (await end).outcome]).toEqual(["closed", "upstream-failed"]);
  });

  test("within the limit is one as well", async () => {
    // An address that swallows packets: reserved for documentation, or no route to it at all.
    const failure = Promise.withResolvers<string>();
    const { port } = await proxyOf(
      (exchange) =>
        exchange.forward({
          address: "192.0.2.1:81",
          onConnectFailed(again, { code }) {
            failure.resolve(code);
            again.respond(503);
          },
        }),
      { connectMsMax: 50 },
    );
    const client = await clientOf(port);
    client.send(get);
    expect(await client.untilReceived("\r\n\r\n")).toMatch(/^HTTP\/1\.1 503 /);
    expect(await failure.promise).toMatch(/^(timeout|E[A-Z]+)$/);
  });

  test("an address that is none is the caller's fault, and a 500", async () => {
    const { client } = await forwarding({ address: "no address" });
    client.send(get);
    expect(await client.untilReceived("internal error")).toMatch(/^HTTP\/1\.1 500 /);
  });
});

describe("a reused connection", () => {
  /** A container whose first connection answers once and then hangs up at the second request. */
  const hangingUp = () =>
    openRawContainer((raw, index) => {
      let count = 0;
      raw.socket.on("data", () => {
        if (!raw.take().includes("\r\n\r\n")) return;
        if (index === 0 && count++ > 0) raw.socket.destroy();
        else raw.send(textResponse(`from ${index}`));
      });
    });

  test("that dies under a request which can be repeated costs the client nothing", async () => {
    const container = await containerOf(hangingUp());
    const { client, proxy } = await forwarding({ address: container.address });
    client.send(get);
    await client.untilReceived("from 0");
    client.send(get);
    expect(await client.untilReceived("from 1")).not.toContain("502");
    expect(proxy.counters).toMatchObject({ retries: 1, upstreamsOpened: 2 });
  });

  test.each([
    ["POST", post],
    ["PUT with a body", post.replace("POST", "PUT")],
  ])("that dies under a %s is a 502: it may have been seen", async (_name, request) => {
    const container = await containerOf(hangingUp());
    const { client, proxy } = await forwarding({ address: container.address });
    client.send(get);
    await client.untilReceived("from 0");
    client.take();
    client.send(request);
    expect(await client.untilOver()).toMatch(/^HTTP\/1\.1 502 /);
    expect(proxy.counters.retries).toBe(0);
  });

  test("that dies after a byte of the response is a 502", async () => {
    const container = await containerOf(
      openRawContainer((raw) => {
        let count = 0;
        raw.socket.on("data", () => {
          raw.take();
          if (count++ === 0) raw.send(textResponse("first"));
          else raw.socket.end("HTTP/1.1 200 OK\r\n");
        });
      }),
    );
    const { client, proxy } = await forwarding({ address: container.address });
    client.send(get);
    await client.untilReceived("first");
    client.take();
    client.send(get);
    expect(await client.untilOver()).toMatch(/^HTTP\/1\.1 502 /);
    expect(proxy.counters.retries).toBe(0);
  });

  test("is the newest, and one that a container closed or wrote to while idle is not reused", async () => {
    const container = await containerOf(openAnsweringContainer((_, count) => textResponse(`answer ${count}`)));
    const { client, proxy } = await forwarding({ address: container.address });
    client.send(get);
    await client.untilReceived("answer 0");
    const first = await container.connection(0);
    first.send("unasked");
    await first.untilOver();
    client.send(get);
    await client.untilReceived("answer 1");
    const second = await container.connection(1);
    second.socket.end();
    await second.untilOver();
    client.send(post);
    await client.untilReceived("answer 2");
    expect([container.connections.length, proxy.counters.retries]).toEqual([3, 0]);
  });

  test("is not older than its container allows, nor than the request does", async () => {
    const container = await containerOf(
      openAnsweringContainer((_, count) => textResponse(`answer ${count}`, "Keep-Alive: timeout=0\r\n")),
    );
    const { client } = await forwarding({ address: container.address });
    for (let k = 0; k < 3; k++) {
      client.send(get);
      await client.untilReceived(`answer ${k}`);
    }
    expect(container.connections.length).toBe(3);

    const other = await containerOf(openAnsweringContainer((_, count) => textResponse(`answer ${count}`)));
    const unsafe = await forwarding({ address: other.address }, { upstreamIdleUnsafeMsMax: 0 });
    unsafe.client.send(get);
    await unsafe.client.untilReceived("answer 0");
    unsafe.client.send(post);
    await unsafe.client.untilReceived("answer 1");
    expect(other.connections.length).toBe(2);
  });

  test("is closed when it has been idle for too long", async () => {
    const container = await containerOf(openAnsweringContainer(() => textResponse("answer")));
    const { client, proxy } = await forwarding({ address: container.address }, { upstreamIdleMsMax: 20 });
    client.send(get);
    await client.untilReceived("answer");
    await (await container.connection(0)).untilOver();
    expect(proxy.gauges().upstreams).toBe(0);
  });
});

describe("a bad response", () => {
  test.each([
    ["no HTTP", "hello\r\n\r\n"],
    ["HTTP/2", "HTTP/2.0 200 OK\r\n\r\n"],
    ["a status of letters", "HTTP/1.1 abc OK\r\n\r\n"],
    ["a status out of range", "HTTP/1.1 600 Odd\r\n\r\n"],
    ["a status of four digits", "HTTP/1.1 2000 OK\r\n\r\n"],
    ["a bare LF", "HTTP/1.1 200 OK\nContent-Length: 0\n\n"],
    ["a folded line", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n"],
    ["a space before the colon", "HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n"],
    ["both framings", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"],
    ["two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n"],
    ["an unknown coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"],
    ["chunks in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"],
    ["a control byte", "HTTP/1.1 200 OK\r\nX: \0\r\n\r\n"],
    ["a head that does not end", `HTTP/1.1 200 OK\r\nX: ${"a".repeat(70_000)}`],
    ["too many interim responses", "HTTP/1.1 103 Hint\r\n\r\n".repeat(17)],
    ["a first chunk that is none", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"],
    ["nothing", ""],
    ["half a head", "HTTP/1.1 200 OK\r\nContent-"],
  ])("such as %s is a 502", async (_name, response) => {
    const container = await containerOf(
      openRawContainer((raw) => {
        raw.socket.once("data", () => raw.socket.end(response, "latin1"));
      }),
    );
    const { client } = await forwarding({ address: container.address });
    client.send(get);
    expect(await client.untilOver()).toMatch(/HTTP\/1\.1 502 Bad Gateway\r\n[^]*bad gateway\n$/);
  });

  test.each([
    ["short", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc"],
    ["malformed", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"],
  ])("whose body turns out %s resets the client, which cannot take it for whole", async (_name, response) => {
    const container = await containerOf(openRawContainer());
    const { client, upstreamEnd, end } = await forwarding({ address: container.address });
    client.send(get);
    const connection = await container.connection(0);
    connection.send(response);
    await client.untilReceived("abc");
    connection.socket.end("zz");
    await client.until(({ isClosed }) => isClosed);
    expect(client.error).toBe("ECONNRESET");
    expect([await upstreamEnd, (await end).outcome]).toEqual([
      expect.stringMatching(/closed|bad-response/),
      "upstream-failed",
    ]);
  });

  test("with bytes behind its end spoils the connection, not the answer", async () => {
    const container = await containerOf(
      openAnsweringContainer((_, count) => `${textResponse(`answer ${count}`)}HTTP/1.1 200 OK\r\n\r\n`),
    );
    const { client } = await forwarding({ address: container.address });
    for (let k = 0; k < 2; k++) {
      client.send(get);
      expect(await client.untilReceived(`answer ${k}`)).toContain("200 OK");
    }
    expect(container.connections.length).toBe(2);
  });
});

describe("a deadline", () => {
  test.each<[string, Partial<ForwardOptions>, string]>([
    ["for the response's start", { responseStartMsMax: 30 }, ""],
    ["for silence", { idleMsMax: 30 }, ""],
    ["for everything", { totalMsMax: 30 }, ""],
  ])("%s is a 504 before the response", async (_name, options) => {
    const container = await containerOf(openRawContainer());
    const { client, upstreamEnd, end } = await forwarding({ address: container.address, ...options });
    client.send(get);
    expect(await client.untilOver()).toMatch(/^HTTP\/1\.1 504 Gateway Timeout\r\n[^]*request timeout$/);
    expect([await upstreamEnd, (await end).outcome]).toEqual(["timeout", "timeout"]);
    const connection = await container.connection(0);
    await connection.until(({ isClosed }) => isClosed);
  });

  test.each<[string, Partial<ForwardOptions>]>([
    ["for silence", { idleMsMax: 30 }],
    ["for everything", { totalMsMax: 30 }],
  ])("%s is a reset within the response", async (_name, options) => {
    const container = await containerOf(
      openAnsweringContainer(() => "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"),
    );
    const { client, end } = await forwarding({ address: container.address, ...options });
    client.send(get);
    await client.until(({ isClosed }) => isClosed);
    expect(client.error).toBe("ECONNRESET");
    expect(await end).toMatchObject({ outcome: "timeout", status: 200 });
  });
});

describe("a client that goes away", () => {
  const leave: Readonly<Record<string, (client: RawSocket) => void>> = {
    "by FIN": (client) => client.socket.end(),
    "by reset": (client) => client.socket.resetAndDestroy(),
  };

  test.each(Object.keys(leave))("%s while it waits is noticed, and can no longer be forwarded", async (how) => {
    const waiting = Promise.withResolvers<Exchange>();
    const gone = Promise.withResolvers<Exchange>();
    const end = Promise.withResolvers<Exchange>();
    const { port, proxy } = await proxyOf((exchange) => {
      exchange.onClientGone = gone.resolve;
      exchange.onEnd = end.resolve;
      waiting.resolve(exchange);
    });
    const client = await clientOf(port);
    client.send(post);
    const exchange = await waiting.promise;
    leave[how]!(client);
    await gone.promise;
    expect((await end.promise).outcome).toBe("client-gone");
    exchange.forward({ address: refusing });
    exchange.respond(200);
    expect(proxy.counters.upstreamsOpened).toBe(0);
  });

  test.each(Object.keys(leave))(
    "%s resets the container's connection at once, where no slot is to be kept",
    async (how) => {
      const container = await containerOf(openRawContainer());
      const { client, upstreamEnd, end } = await forwarding({ address: container.address });
      client.send(get);
      const connection = await container.connection(0);
      await connection.untilReceived("\r\n\r\n");
      leave[how]!(client);
      expect(await upstreamEnd).toBe("client-gone");
      expect((await end).outcome).toBe("client-gone");
      await connection.until(({ isClosed }) => isClosed);
    },
  );

  test.each([
    ["ends its response", (connection: RawSocket) => connection.send(textResponse("too late")), "complete"],
    [
      "ends a chunked response",
      (connection: RawSocket) =>
        connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"),
      "complete",
    ],
    ["closes", (connection: RawSocket) => connection.socket.end(), "closed"],
    ["resets", (connection: RawSocket) => connection.socket.resetAndDestroy(), "closed"],
  ])("keeps its slot until the container %s, where slots are kept", async (_name, finish, reason) => {
    const container = await containerOf(openRawContainer());
    const { client, proxy, upstreamEnd, end } = await forwarding({
      address: container.address,
      discardOnClientGone: true,
    });
    client.send(get);
    const connection = await container.connection(0);
    await connection.untilReceived("\r\n\r\n");
    client.socket.resetAndDestroy();
    while (proxy.gauges().discarding === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(proxy.gauges()).toMatchObject({ clients: 0, discarding: 1 });
    // No half-close while the container works: on a FIN, Node's and asyncio's servers close at once though the handler works on.
    expect(connection.hasEnded).toBe(false);
    finish(connection);
    expect(await upstreamEnd).toBe(reason);
    expect((await end).outcome).toBe("client-gone");
    expect(proxy.gauges()).toMatchObject({ discarding: 0 });
  });

  test.each([
    ["a request that is cut", post.slice(0, -1), ""],
    ["a response that has begun", get, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"],
  ])("from %s tells the container by a half-close that nobody listens", async (_name, request, begun) => {
    const container = await containerOf(openRawContainer());
    const { client, upstreamEnd } = await forwarding({ address: container.address, discardOnClientGone: true });
    client.send(request);
    const connection = await container.connection(0);
    await connection.untilReceived("\r\n\r\n");
    connection.send(begun);
    if (begun !== "") await client.untilReceived("abc");
    client.socket.resetAndDestroy();
    await connection.until(({ hasEnded }) => hasEnded);
    connection.socket.end();
    expect(await upstreamEnd).toBe("closed");
  });

  test("keeps its slot no longer than the limit, which is counted", async () => {
    const container = await containerOf(openRawContainer());
    const { client, proxy, upstreamEnd } = await forwarding({
      address: container.address,
      discardOnClientGone: true,
      discardMsMax: 50,
    });
    client.send(get);
    const connection = await container.connection(0);
    await connection.untilReceived("\r\n\r\n");
    client.socket.resetAndDestroy();
    expect(await upstreamEnd).toBe("discard-deadline");
    expect(proxy.counters.discardDeadlines).toBe(1);
    await connection.until(({ isClosed }) => isClosed);
  });

  test("by a deadline keeps its slot as well: the client has its 504, the container its time", async () => {
    const container = await containerOf(openRawContainer());
    const { client, upstreamEnd, end } = await forwarding({
      address: container.address,
      discardOnClientGone: true,
      totalMsMax: 30,
    });
    client.send(get);
    expect(await client.untilOver()).toMatch(/^HTTP\/1\.1 504 /);
    const connection = await container.connection(0);
    connection.send(textResponse("x".repeat(100_000)));
    expect(await upstreamEnd).toBe("complete");
    expect(await end).toMatchObject({ outcome: "timeout", status: 504 });
  });

  test("from a tunnel is passed on, and the slot kept until the container has closed", async () => {
    const container = await containerOf(openRawContainer());
    const { client, upstreamEnd } = await forwarding({ address: container.address, discardOnClientGone: true });
    client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
    const connection = await container.connection(0);
    await connection.untilReceived("\r\n\r\n");
    connection.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
    await client.untilReceived("\r\n\r\n");
    client.socket.resetAndDestroy();
    await connection.until(({ hasEnded }) => hasEnded);
    connection.send("HTTP-less bytes");
    connection.socket.end();
    expect(await upstreamEnd).toBe("complete");
  });
});

test("closing an address resets what runs there: 502 before the response, a reset within it", async () => {
  const container = await containerOf(openRawContainer());
  const ends: UpstreamEndReason[] = [];
  const { port, proxy } = await proxyOf((exchange) =>
    exchange.forward({
      address: container.address,
      discardOnClientGone: true,
      onUpstreamEnd: (_, reason) => ends.push(reason),
    }),
  );
  const begun = await clientOf(port);
  begun.send(get);
  const first = await container.connection(0);
  await first.untilReceived("\r\n\r\n");
  first.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc");
  await begun.untilReceived("abc");
  const waiting = await clientOf(port);
  waiting.send(get);
  await (await container.connection(1)).untilReceived("\r\n\r\n");

  proxy.closeUpstream(container.address);
  expect(await waiting.untilOver()).toMatch(/^HTTP\/1\.1 502 /);
  await begun.until(({ isClosed }) => isClosed);
  expect(begun.error).toBe("ECONNRESET");
  expect(ends).toEqual(["reset", "reset"]);
  expect(proxy.gauges().upstreams).toBe(0);
});

describe("draining", () => {
  test("lets running exchanges end, tells their clients, and refuses new ones", async () => {
    const container = await containerOf(openRawContainer());
    const { port, proxy, client } = await forwarding({ address: container.address });
    const idle = await clientOf(port);
    client.send(get);
    const connection = await container.connection(0);
    await connection.untilReceived("\r\n\r\n");
    const drained = proxy.drain(60_000);
    connection.send(textResponse("done"));
    expect(await client.untilOver()).toContain("Connection: close\r\n\r\ndone");
    client.socket.end();
    // A connection that has been quiet for a while is closed too.
    await idle.untilOver();
    idle.socket.end();
    await drained;
    await expect(clientOf(port)).rejects.toThrow("ECONNREFUSED");
    expect(proxy.gauges()).toEqual({ clients: 0, upstreams: 0, discarding: 0 });
  });

  test("resets what has not ended in time", async () => {
    const container = await containerOf(openRawContainer());
    const { proxy, client, upstreamEnd } = await forwarding({ address: container.address, discardOnClientGone: true });
    client.send(get);
    await (await container.connection(0)).untilReceived("\r\n\r\n");
    await proxy.drain(20);
    await client.until(({ isClosed }) => isClosed);
    expect(await upstreamEnd).toBe("reset");
    expect(proxy.gauges()).toEqual({ clients: 0, upstreams: 0, discarding: 0 });
  });
});

test("clients beyond the limit are refused, and counted", async () => {
  const { port, proxy } = await proxyOf((exchange) => exchange.respond(200, "ok"), { clientsMax: 1 });
  const first = await clientOf(port);
  first.send(get);
  await first.untilReceived("ok");
  const second = await clientOf(port);
  await second.until(({ isClosed, hasEnded }) => isClosed || hasEnded);
  expect(proxy.counters.clientsRefused).toBe(1);
});
