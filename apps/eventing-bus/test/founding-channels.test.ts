import { describe, expect, test } from "@jest/globals";
import {
  busChannel,
  busSubscription,
  EVENT,
  inMemoryChannel,
  subscription,
  until,
  type PostOptions,
  type Received,
} from "./bus-world.ts";
import { NEWS_HOST, stub, toNews } from "./founding-world.ts";
import { useWorlds } from "./use-worlds.ts";

// Channels and Subscriptions of channels.knative.dev on a bus in memory, over real HTTP: what 2018's dispatchers did with
// events, and what of it is mended. Named after the parts of the founding API (1.8: hosts, 1.10: the HTTP contract).

const { joined, sink } = useWorlds();

/** What a subscriber of `news` gets when this is posted. */
async function delivered(how: PostOptions): Promise<Received> {
  const got = await sink();
  const world = await joined([stub, busChannel("news"), busSubscription("s", got.url)]);
  expect(await toNews(world, how)).toMatchObject({ status: 202, body: "" });
  await until("it came", () => got.received.length === 1);
  return got.received[0] as Received;
}

describe("where a channel is (1.8)", () => {
  test.each([
    ["the host of its Service", "news-channel.shop.svc.cluster.local", 202],
    ["the same with a port and in any case", "NEWS-channel.Shop.SVC.cluster.local:80", 202],
    ["the same without the cluster's domain", "news-channel.shop.svc", 202],
    ["the host that the mesh rewrote it to", "news.shop.channels.cluster.local", 202],
    ["the same with a port", "news.shop.channels.cluster.local:8080", 202],
    ["a channel that is not there", "olds-channel.shop.svc.cluster.local", 404],
    ["a channel of another namespace", "news-channel.other.svc.cluster.local", 404],
    ["its name without the suffix, as a Service", "news.shop.svc.cluster.local", 404],
    ["the suffix where the mesh had none", "news-channel.shop.channels.cluster.local", 404],
    ["a host of one label", "news-channel", 404],
    ["an address", "127.0.0.1:8080", 404],
  ])("%s", async (_, host, status) => {
    const { post } = await joined([stub, busChannel("news")]);
    expect((await post("/", { host })).status).toBe(status);
  });

  test("a channel that is called x-channel is itself, and x is x", async () => {
    const [short, long] = [await sink(), await sink()];
    const { post } = await joined([
      stub,
      busChannel("x"),
      busChannel("x-channel"),
      busSubscription("short", short.url, { spec: { channel: "x" } }),
      busSubscription("long", long.url, { spec: { channel: "x-channel" } }),
    ]);
    const hosts = [
      ["1", "x-channel.shop.svc.cluster.local"],
      ["2", "x.shop.channels.cluster.local"],
      ["3", "x-channel-channel.shop.svc.cluster.local"],
      ["4", "x-channel.shop.channels.cluster.local"],
    ] as const;
    for (const [id, host] of hosts)
      expect((await post("/", { host, headers: { ...EVENT, "ce-id": id } })).status).toBe(202);
    await until("all came", () => short.received.length + long.received.length === 4);
    expect([short.ids().sort(), long.ids().sort()]).toEqual([
      ["1", "2"],
      ["3", "4"],
    ]);
  });

  test("a channel of either generation may have the name of the other's", async () => {
    const [old, modern] = [await sink(), await sink()];
    const { post } = await joined([
      stub,
      busChannel("news", { metadata: { uid: "uid-old" } }),
      inMemoryChannel("news"),
      busSubscription("s", old.url, { metadata: { uid: "uid-old-s" } }),
      subscription("s", modern.url),
    ]);
    await post("/", { host: NEWS_HOST, headers: { ...EVENT, "ce-id": "old" } });
    await post("/", { host: "news-kn-channel.shop.svc.cluster.local", headers: { ...EVENT, "ce-id": "modern" } });
    await until("both came", () => old.received.length + modern.received.length === 2);
    expect([old.ids(), modern.ids()]).toEqual([["old"], ["modern"]]);
  });
});

describe("what a channel takes (1.10)", () => {
  test.each([
    ["POST", "/", 202],
    ["POST", "/?x=1", 202],
    ["POST", "/news", 404],
    ["POST", "/shop/news", 404],
    ["GET", "/", 405],
    ["PUT", "/", 405],
    ["DELETE", "/", 405],
    ["OPTIONS", "/", 405],
    ["GET", "/news", 404],
  ])("%s %s: %d", async (method, path, status) => {
    const world = await joined([stub, busChannel("news")]);
    const answer = await toNews(world, { method, path });
    expect(answer.status).toBe(status);
    if (status === 405) expect(answer.headers["allow"]).toBe("POST");
  });

  test("headers that go on, and those that do not", async () => {
    const kept = {
      "content-type": "text/plain",
      "x-request-id": "r1",
      "knative-correlation-id": "c1",
      "knative-other": "o",
      "ce-id": "1",
      "x-b3-traceid": "t",
      "x-ot-span-context": "s",
      traceparent: "00-1",
    };
    const dropped = { authorization: "secret", cookie: "a=b", "x-other": "o", prefer: "reply", "retry-after": "5" };
    const { headers, body } = await delivered({ headers: { ...kept, ...dropped }, body: "hello" });
    expect({ headers, body }).toMatchObject({ headers: kept, body: "hello" });
    // Nothing is added: 2018's dispatchers added nothing.
    const own = ["host", "content-length", "connection"];
    expect(Object.keys(headers).filter((name) => !(name in kept) && !own.includes(name))).toEqual([]);
  });

  test("of a header that comes twice, the first", async () => {
    const { headers } = await delivered({ headers: { "x-b3-flags": ["1", "2"], "ce-id": ["a", "b"] } });
    expect(headers).toMatchObject({ "x-b3-flags": "1", "ce-id": "a" });
  });

  test.each<[string, Record<string, string>, string]>([
    ["a binary event", { ...EVENT, "content-type": "application/json" }, '{"n":12345678901234567890}'],
    [
      "a structured event, byte for byte",
      { "content-type": "application/cloudevents+json; charset=UTF-8" },
      '{ "type" : "t", "id":"1",\n "source":"/s", "specversion":"1.0", "data":{"n":1.0} }',
    ],
    ["a batch, as one", { "content-type": "application/cloudevents-batch+json" }, '[{"specversion":"1.0"}, 7]'],
    ["a structured event that is malformed", { "content-type": "application/cloudevents+json" }, '{"specversion":'],
    ["a binary event that is malformed", { "ce-specversion": "1.0", "ce-id": "" }, "x"],
    [
      "an event of 2018",
      { "ce-cloudeventsversion": "0.1", "ce-eventtype": "t", "ce-eventid": "1", "ce-source": "/s" },
      "x",
    ],
    ["a format that nobody speaks", { "content-type": "application/cloudevents+xml" }, "<event/>"],
    ["a form", { "content-type": "application/x-www-form-urlencoded" }, "a=b"],
    ["nothing at all", {}, ""],
  ])("any payload: %s", async (_, headers, body) => {
    expect(await delivered({ headers, body })).toMatchObject({ headers, body });
  });

  test("more than the bus takes: 413", async () => {
    const world = await joined([stub, busChannel("news")]);
    expect((await toNews(world, { body: "x".repeat(1024 * 1024 + 1) })).status).toBe(413);
  });

  test("more than may wait: 429, with a time to come again", async () => {
    let status = 503;
    const ill = await sink(() => status);
    const world = await joined([stub, busChannel("news"), busSubscription("s", ill.url)], { STREAM_MIB_MAX: "1" });
    const body = "x".repeat(300_000);
    let last = await toNews(world, { body });
    for (let count = 0; count < 10 && last.status === 202; count += 1) last = await toNews(world, { body });
    expect([last.status, last.headers["retry-after"]]).toEqual([429, "1"]);
    status = 202;
    await until("it is taken again", async () => (await toNews(world)).status === 202);
  });

  test("a bus that is away: 503, with a time to come again, and the report says why", async () => {
    const env = { BUS_KIND: "nats", NATS_URL: "nats://127.0.0.1:1" };
    const world = await joined([stub, busChannel("news")], env);
    const answer = await toNews(world);
    expect([answer.status, answer.headers["retry-after"]]).toEqual([503, "1"]);
    expect((await toNews(world, { method: "OPTIONS" })).status).toBe(405);
    const message = expect.stringContaining("the bus is away");
    expect((await world.report()).streams["uid-news"]).toMatchObject({ state: "failed", message });
  });
});

describe("what a subscription gets (1.10)", () => {
  test("a copy each, and one that fails holds up no other", async () => {
    let tries = 0;
    const [a, b, ill] = [await sink(), await sink(), await sink(() => ((tries += 1) > 4 ? 202 : 500))];
    const world = await joined([
      stub,
      busChannel("news"),
      busSubscription("a", a.url),
      busSubscription("b", b.url),
      busSubscription("ill", ill.url),
    ]);
    for (const id of ["1", "2", "3"]) await toNews(world, { headers: { ...EVENT, "ce-id": id } });
    await until("both have all", () => a.received.length === 3 && b.received.length === 3);
    await until("it was tried again", () => tries > 6);
  });

  test("what was refused for good is kept, and counted", async () => {
    const ill = await sink(() => 400);
    const world = await joined([stub, busChannel("news"), busSubscription("ill", ill.url)]);
    await toNews(world);
    await until("a letter", async () => (await world.report()).consumers["uid-ill"]?.deadLetters === 1);
  });

  test.each([
    [
      "any that has a body, with its headers that go on",
      { status: 200, headers: { "ce-id": "r", server: "x" }, body: "hi" },
    ],
    ["with 202", { status: 202, headers: { "ce-id": "r" }, body: "hi" }],
    [
      "a structured event as it is",
      { status: 200, headers: { "content-type": "application/cloudevents+json" }, body: "{ }" },
    ],
  ])("an answer goes to replyTo: %s", async (_, answer) => {
    const [asked, to] = [await sink(() => answer), await sink()];
    const options = { spec: { replyTo: "to" }, status: { replyUri: to.url } };
    const world = await joined([stub, busChannel("news"), busSubscription("s", asked.url, options)]);
    await toNews(world, { headers: { ...EVENT, "knative-correlation-id": "c1" } });
    await until("the answer came", () => to.received.length === 1);
    const { server: _server, ...kept } = answer.headers as Record<string, string>;
    const got = to.received[0] as Received;
    expect(got).toMatchObject({ body: answer.body, headers: { ...kept, "knative-correlation-id": "c1" } });
    for (const name of ["server", "prefer", "date", "ce-type"]) expect(Object.keys(got.headers)).not.toContain(name);
  });

  test("an answer has its own correlation, if it says one", async () => {
    const [asked, to] = [
      await sink(() => ({ status: 200, headers: { "Knative-Correlation-Id": "c2" }, body: "hi" })),
      await sink(),
    ];
    const options = { spec: { replyTo: "to" }, status: { replyUri: to.url } };
    const world = await joined([stub, busChannel("news"), busSubscription("s", asked.url, options)]);
    await toNews(world, { headers: { "knative-correlation-id": "c1" } });
    await until("the answer came", () => to.received.length === 1);
    expect(to.received[0]?.headers["knative-correlation-id"]).toBe("c2");
  });

  test("an answer without a body is none, and one without replyTo goes nowhere", async () => {
    const [empty, loud, to] = [await sink(() => 200), await sink(() => ({ status: 200, body: "hi" })), await sink()];
    const world = await joined([
      stub,
      busChannel("news"),
      busSubscription("empty", empty.url, { spec: { replyTo: "to" }, status: { replyUri: to.url } }),
      busSubscription("loud", loud.url),
    ]);
    await toNews(world);
    await until("both were asked", () => empty.received.length + loud.received.length === 2);
    await until("nothing waits", async () => (await world.report()).consumers["uid-empty"]?.backlog === 0);
    expect(to.received).toEqual([]);
  });

  test("without a subscriber the event itself goes to replyTo", async () => {
    const to = await sink(() => ({ status: 200, body: "nobody wants this" }));
    const options = { spec: { subscriber: "", replyTo: "to" }, status: { replyUri: to.url } };
    const world = await joined([stub, busChannel("news"), busSubscription("s", undefined, options)]);
    await toNews(world, { headers: EVENT, body: "data" });
    await until("it came", () => to.received.length === 1);
    expect(to.received[0]).toMatchObject({ headers: EVENT, body: "data" });
  });
});
