import { afterEach, describe, expect, test } from "@jest/globals";
import type { Exchange, ForwardOptions } from "./exchange.ts";
import { prepareHeaderEdits } from "./header-edits.ts";
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

/** A proxy in front of a container that shows each request's head as its response's body, and a client of it. */
async function echoing(options: Partial<ForwardOptions> = {}): Promise<RawSocket> {
  const container = await containerOf(openAnsweringContainer((head) => textResponse(`${head}END`)));
  const { port } = await proxyOf((exchange) => exchange.forward({ address: container.address, ...options }));
  return clientOf(port);
}

async function echoOf(client: RawSocket, request: string): Promise<string> {
  client.send(request);
  const input = await client.untilReceived("END");
  client.take();
  return input.slice(input.indexOf("\r\n\r\n") + 4, -"END".length);
}

describe("the head that the container gets", () => {
  test("is the client's, plus who sent it, less what concerned only its connection", async () => {
    const client = await echoing();
    const request =
      "GET /a?b HTTP/1.1\r\nHost: Foo:80\r\nConnection: keep-alive, X-Mine\r\nKeep-Alive: 5\r\nX-Mine: 1\r\nX-Kept: 2\r\nProxy-Authorization: s\r\nTE: gzip\r\n\r\n";
    expect(await echoOf(client, request)).toBe(
      "GET /a?b HTTP/1.1\r\nHost: Foo:80\r\nX-Kept: 2\r\nX-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: Foo:80\r\n" +
        'Forwarded: for=127.0.0.1;host="Foo:80";proto=http\r\n\r\n',
    );
  });

  test("appends to what proxies in front of us said", async () => {
    const client = await echoing();
    const request =
      "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\nForwarded: for=1.2.3.4\r\n\r\n";
    expect(await echoOf(client, request)).toBe(
      "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: https\r\nX-Forwarded-For: 1.2.3.4, 127.0.0.1\r\nX-Forwarded-Host: a\r\n" +
        "Forwarded: for=1.2.3.4, for=127.0.0.1;host=a;proto=http\r\n\r\n",
    );
  });

  test("says only what we saw, where clients are not believed", async () => {
    const client = await echoing({ edits: prepareHeaderEdits({ distrustForwarded: true }) });
    const request =
      "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: b\r\nForwarded: for=1.2.3.4\r\n\r\n";
    expect(await echoOf(client, request)).toBe(
      "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: a\r\n" +
        "Forwarded: for=127.0.0.1;host=a;proto=http\r\n\r\n",
    );
  });

  test("follows the caller's edits", async () => {
    const edits = prepareHeaderEdits({
      strip: ["x-drop"],
      stripPrefixes: ["knative-serving-", "k-"],
      set: { "K-Proxy-Request": "activator", "X-Set": "ours" },
      host: "new.example",
    });
    const client = await echoing({ edits });
    const request =
      "GET / HTTP/1.1\r\nHost: old\r\nX-Drop: 1\r\nKNATIVE-Serving-Revision: evil\r\nk-network-probe: x\r\nX-Set: theirs\r\nKa: stays\r\n\r\n";
    expect(await echoOf(client, request)).toBe(
      "GET / HTTP/1.1\r\nHost: new.example\r\nKa: stays\r\nX-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: old\r\n" +
        "Forwarded: for=127.0.0.1;host=old;proto=http\r\nK-Proxy-Request: activator\r\nX-Set: ours\r\n\r\n",
    );
  });

  test("has an absolute target's host, and HTTP/1.1 whatever the client speaks", async () => {
    const client = await echoing();
    const head = await echoOf(
      client,
      "GET http://b.example:81?q HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n",
    );
    expect(head).toMatch(/^GET \/\?q HTTP\/1\.1\r\nHost: b\.example:81\r\nX-Forwarded-For/);
  });

  test.each([
    [{ set: { "Bad Name": "x" } }],
    [{ set: { "X-Split": "a\r\nEvil: b" } }],
    [{ set: { "Content-Length": "5" } }],
    [{ host: "a\r\nb" }],
  ])("cannot be broken by edits: %j", (rules) => {
    expect(() => prepareHeaderEdits(rules)).toThrow(TypeError);
  });
});

describe("what the caller sees of a request", () => {
  test("is its head, in the caller's terms", async () => {
    const seen: unknown[] = [];
    const { port } = await proxyOf((exchange) => {
      const { listener, method, host, authority, path, target, remoteAddress, isUpgrade } = exchange;
      seen.push({
        listener,
        method,
        host,
        authority,
        path,
        target,
        remoteAddress,
        isUpgrade,
        tag: exchange.header("x-tag"),
      });
      exchange.respond(204);
    });
    const client = await clientOf(port);
    client.send("DELETE /a/b?c=d HTTP/1.1\r\nHost: Foo.Bar:8080\r\nX-Tag: one\r\nX-TAG: two\r\n\r\n");
    expect(await client.untilReceived("\r\n\r\n")).toBe("HTTP/1.1 204 No Content\r\n\r\n");
    expect(seen).toEqual([
      {
        listener: "http",
        method: "DELETE",
        host: "foo.bar",
        authority: "Foo.Bar:8080",
        path: "/a/b",
        target: "/a/b?c=d",
        remoteAddress: "127.0.0.1",
        isUpgrade: false,
        tag: "one, two",
      },
    ]);
  });

  test("at its end, is how it went", async () => {
    const container = await containerOf(openAnsweringContainer(() => textResponse("12345")));
    const ended = Promise.withResolvers<Exchange>();
    const calls: string[] = [];
    const { port } = await proxyOf((exchange) => {
      exchange.onEnd = (over) => {
        calls.push("end");
        ended.resolve(over);
      };
      exchange.forward({
        address: container.address,
        onResponseHead: (_, status) => calls.push(`head ${status}`),
        onUpstreamEnd: (_, reason) => calls.push(`upstream ${reason}`),
      });
    });
    const client = await clientOf(port);
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    const exchange = await ended.promise;
    expect(calls).toEqual(["head 200", "upstream complete", "end"]);
    expect(exchange).toMatchObject({ outcome: "forwarded", status: 200, requestBodyBytes: 0, responseBodyBytes: 5 });
    expect(exchange.respondedAtMs).toBeGreaterThanOrEqual(exchange.receivedAtMs);
  });

  test("a throw in onRequest is a 500, and one in a hook harms nobody", async () => {
    const container = await containerOf(openAnsweringContainer(() => textResponse("fine")));
    const { port } = await proxyOf((exchange) => {
      if (exchange.path === "/throw") throw new Error("bug");
      exchange.forward({
        address: container.address,
        onResponseHead() {
          throw new Error("bug");
        },
      });
    });
    const client = await clientOf(port);
    client.send("GET /throw HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
    expect(await client.untilReceived("fine")).toMatch(/^HTTP\/1\.1 500 [^]*HTTP\/1\.1 200 [^]*fine$/);
  });
});

describe("our own responses", () => {
  test("keep the connection, unless the client wants it closed", async () => {
    const { port } = await proxyOf((exchange) => exchange.respond(404, "no\n", { "X-Why": "none" }));
    const client = await clientOf(port);
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    expect(await client.untilReceived("no\n")).toBe(
      "HTTP/1.1 404 Not Found\r\nX-Why: none\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 3\r\n\r\nno\n",
    );
    client.take();
    client.send("HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    expect(await client.untilOver()).toMatch(/Content-Length: 3\r\nConnection: close\r\n\r\n$/);
  });

  test("drop a body that nobody wants and go on with the next request", async () => {
    const { port } = await proxyOf((exchange) => exchange.respond(200, exchange.path));
    const client = await clientOf(port);
    client.send("POST /one HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab");
    await client.untilReceived("/one");
    client.send("c\r\n0\r\n\r\nGET /two HTTP/1.1\r\nHost: a\r\n\r\n");
    expect(await client.untilReceived("/two")).toMatch(/200 OK[^]*\/one[^]*200 OK[^]*\/two$/);
  });

  test("close the connection when that body would be too large", async () => {
    const { port } = await proxyOf((exchange) => exchange.respond(413), { discardBytesMax: 1000 });
    const client = await clientOf(port);
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n");
    expect(await client.untilOver()).toMatch(/^HTTP\/1\.1 413 [^]*Connection: close/);
    const chunked = await clientOf(port);
    chunked.send(`POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n${"x".repeat(2000)}`);
    await chunked.untilOver();
    expect(chunked.hasEnded).toBe(true);
  });
});

describe("a malformed request", () => {
  test("is told why, after the answers to those before it, and the connection closes", async () => {
    const { port, proxy } = await proxyOf((exchange) => exchange.respond(200, "ok"));
    const client = await clientOf(port);
    client.send(
      "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    );
    expect(await client.untilOver()).toMatch(
      /200 OK[^]*ok[^]*400 Bad Request[^]*Connection: close\r\n\r\nRefused: more than one Host field\.\n$/,
    );
    expect(proxy.counters).toMatchObject({ requests: 1, requestsMalformed: 1 });
  });

  test("in its body is a 400 as well, and the container does not get the rest", async () => {
    const container = await containerOf(openRawContainer());
    const { port } = await proxyOf((exchange) => exchange.forward({ address: container.address }));
    const client = await clientOf(port);
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    const connection = await container.connection(0);
    await connection.untilReceived("hello\r\n");
    client.send("zzz\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n");
    expect(await client.untilOver()).toMatch(/^HTTP\/1\.1 400 [^]*Refused: a chunk without a size\.\n$/);
    await connection.untilOver();
    expect(connection.input).not.toContain("smuggled");
  });

  test("a head that does not come in time is a 408", async () => {
    const { port } = await proxyOf(() => {}, { headMsMax: 50 });
    const client = await clientOf(port);
    client.send("GET / HTTP/1.1\r\nHo");
    expect(await client.untilOver()).toMatch(/^HTTP\/1\.1 408 /);
  });
});

describe("bodies", () => {
  test("and trailers pass in chunks, both ways, less the extensions", async () => {
    const container = await containerOf(openRawContainer());
    const { port } = await proxyOf((exchange) => exchange.forward({ address: container.address }));
    const client = await clientOf(port);
    client.send(
      "POST / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nTransfer-Encoding: CHUNKED\r\n\r\n5;x=y\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n",
    );
    const connection = await container.connection(0);
    expect(await connection.untilReceived("X-Sum: 1\r\n\r\n")).toMatch(
      /\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\n[^]*\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n$/,
    );
    connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n3\r\nabc\r\n");
    await client.untilReceived("abc\r\n");
    connection.send("0\r\nX-T: 2\r\n\r\n");
    expect(await client.untilReceived("X-T: 2\r\n\r\n")).toBe(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n3\r\nabc\r\n0\r\nX-T: 2\r\n\r\n",
    );
  });

  test("that end with the container's connection are put into chunks, so that a cut can be told", async () => {
    const container = await containerOf(openRawContainer());
    const { port } = await proxyOf((exchange) => exchange.forward({ address: container.address }));
    const client = await clientOf(port);
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    const connection = await container.connection(0);
    await connection.untilReceived("\r\n\r\n");
    connection.send("HTTP/1.0 200 OK\r\n\r\nabc");
    await client.untilReceived("abc");
    connection.send("defghijklm");
    await client.untilReceived("m\r\n");
    connection.socket.end();
    expect(await client.untilReceived("0\r\n\r\n")).toBe(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\na\r\ndefghijklm\r\n0\r\n\r\n",
    );
  });

  test("in chunks are unwrapped for HTTP/1.0, whose connection ends them", async () => {
    const container = await containerOf(
      openAnsweringContainer(
        () => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\nX: y\r\n\r\n",
      ),
    );
    const { port } = await proxyOf((exchange) => exchange.forward({ address: container.address }));
    const client = await clientOf(port);
    client.send("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n");
    expect(await client.untilOver()).toBe("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabcd");
  });

  test.each([
    ["HEAD", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"],
    ["204", "GET", "HTTP/1.1 204 No Content\r\n\r\n"],
    ["304", "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"],
  ])("are not waited for with %s", async (_name, method, response) => {
    const container = await containerOf(openAnsweringContainer(() => response));
    const { port } = await proxyOf((exchange) => exchange.forward({ address: container.address }));
    const client = await clientOf(port);
    for (let k = 0; k < 2; k++) {
      client.send(`${method} / HTTP/1.1\r\nHost: a\r\n\r\n`);
      await client.untilReceived("\r\n\r\n");
      expect(client.take()).toBe(response);
    }
    expect(container.connections.length).toBe(1);
  });

  test("are not begun when the container answers at once: the rest is dropped and the client's connection kept", async () => {
    const container = await containerOf(openAnsweringContainer(() => textResponse("early")));
    const { port } = await proxyOf((exchange) => exchange.forward({ address: container.address }));
    const client = await clientOf(port);
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n");
    await client.untilReceived("early");
    client.take();
    client.send("0123456789POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    expect(await client.untilReceived("early")).toContain("200 OK");
    // Its own rest of a body would have been owed on the first connection.
    expect(container.connections.length).toBe(2);
  });
});

describe("100-continue", () => {
  test("is between the client and the container", async () => {
    const container = await containerOf(openRawContainer());
    const { port } = await proxyOf((exchange) => exchange.forward({ address: container.address }));
    const client = await clientOf(port);
    client.send("PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    const connection = await container.connection(0);
    expect(await connection.untilReceived("\r\n\r\n")).toContain("Expect: 100-continue");
    connection.send("HTTP/1.1 100 Continue\r\n\r\n");
    expect(await client.untilReceived("\r\n\r\n")).toBe("HTTP/1.1 100 Continue\r\n\r\n");
    client.take();
    client.send("hello");
    await connection.untilReceived("hello");
    connection.send(textResponse("done"));
    expect(await client.untilReceived("done")).toBe(textResponse("done"));
  });

  test("a refusal instead closes the connection: nobody knows whether the body comes", async () => {
    const container = await containerOf(
      openAnsweringContainer(() => "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n"),
    );
    const { port } = await proxyOf((exchange) => exchange.forward({ address: container.address }));
    const client = await clientOf(port);
    client.send("PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    expect(await client.untilOver()).toBe("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  });

  test("other interim responses pass, in pieces and with the final one behind them", async () => {
    const container = await containerOf(openRawContainer());
    const { port } = await proxyOf((exchange) => exchange.forward({ address: container.address }));
    const client = await clientOf(port);
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    const connection = await container.connection(0);
    await connection.untilReceived("\r\n\r\n");
    connection.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 2");
    await client.untilReceived("</a>");
    connection.send(textResponse("done").slice("HTTP/1.1 2".length));
    expect(await client.untilReceived("done")).toBe(
      `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${textResponse("done")}`,
    );
  });
});

describe("pipelined requests", () => {
  test("are answered in their order, whatever becomes of each", async () => {
    const container = await containerOf(openAnsweringContainer((head) => textResponse(/\/\d+/.exec(head)?.[0] ?? "")));
    const { port } = await proxyOf((exchange) => {
      if (exchange.path.endsWith("3")) exchange.respond(200, exchange.path);
      else exchange.forward({ address: container.address });
    });
    const client = await clientOf(port);
    client.send(Array.from({ length: 40 }, (_, k) => `GET /${k} HTTP/1.1\r\nHost: a\r\n\r\n`).join(""));
    const input = await client.untilReceived("/39");
    expect([...input.matchAll(/\r\n\r\n(\/\d+)/g)].map(([, path]) => path)).toEqual(
      Array.from({ length: 40 }, (_, k) => `/${k}`),
    );
  });

  test("with bodies are told apart, however they are cut", async () => {
    const { port } = await proxyOf((exchange) => exchange.respond(200, exchange.path));
    const text =
      "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nGET POST /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nGET \r\n0\r\n\r\nGET /c HTTP/1.1\r\nHost: a\r\n\r\n";
    for (const step of [1, 7, 50, text.length]) {
      const client = await clientOf(port);
      client.socket.setNoDelay(true);
      for (let at = 0; at < text.length; at += step) client.send(text.slice(at, at + step));
      const input = await client.untilReceived("/c");
      expect([...input.matchAll(/\r\n\r\n(\/\w)/g)].map(([, path]) => path)).toEqual(["/a", "/b", "/c"]);
    }
  });
});

describe("an upgrade", () => {
  test("splices both ways, early bytes included, and a half-close passes", async () => {
    const container = await containerOf(openRawContainer());
    const ended = Promise.withResolvers<string>();
    const { port } = await proxyOf((exchange) =>
      exchange.forward({ address: container.address, onUpstreamEnd: (_, reason) => ended.resolve(reason) }),
    );
    const client = await clientOf(port);
    client.send("GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nearly");
    const connection = await container.connection(0);
    const head = await connection.untilReceived("\r\n\r\n");
    expect(head).toContain("Connection: Upgrade\r\nUpgrade: websocket\r\n");
    // Bytes behind the head may turn out to be a pipelined request: they wait for the 101.
    expect(head).not.toContain("early");
    connection.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello");
    expect(await client.untilReceived("hello")).toMatch(/^HTTP\/1\.1 101 [^]*Connection: Upgrade\r\n\r\nhello$/);
    await connection.untilReceived("early");
    client.send("\x00\xff\r\n\r\n");
    await connection.untilReceived("\xff\r\n\r\n");
    client.socket.end();
    await connection.until(({ hasEnded }) => hasEnded);
    connection.send("last words");
    connection.socket.end();
    expect(await client.untilOver()).toContain("last words");
    expect(await ended.promise).toBe("complete");
  });

  test("that is refused leaves an ordinary exchange, and the bytes behind it are the next request", async () => {
    const container = await containerOf(openAnsweringContainer((head) => textResponse(/\/\w+/.exec(head)?.[0] ?? "")));
    const { port } = await proxyOf((exchange) => exchange.forward({ address: container.address }));
    const client = await clientOf(port);
    client.send(
      "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n",
    );
    expect(await client.untilReceived("/next")).toMatch(/200 OK[^]*\/ws[^]*200 OK[^]*\/next$/);
  });

  test("that nobody asked for is a 502", async () => {
    const container = await containerOf(openAnsweringContainer(() => "HTTP/1.1 101 Switching Protocols\r\n\r\n"));
    const { port } = await proxyOf((exchange) => exchange.forward({ address: container.address }));
    const client = await clientOf(port);
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    expect(await client.untilOver()).toMatch(/^HTTP\/1\.1 502 /);
  });
});
