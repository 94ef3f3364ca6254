import { afterEach, describe, expect, test } from "@jest/globals";
import { Channel, ClusterBus, Subscription } from "@kelvin/api/channels/v1alpha1";
import { BusRefusedError, type BusLog, type LogSpec } from "@kelvin/bus";
import { openFakeKube, type FakeKube } from "@kelvin/testkit";
import type { OpenBus } from "../src/bus/opened-bus.ts";
import {
  bus,
  busChannel,
  busSubscription,
  EVENT,
  inMemoryChannel,
  openBusWorld,
  openSink,
  subscription,
  until,
  type Answer,
  type BusWorld,
  type PostOptions,
  type Received,
} from "./bus-world.ts";

// Channels and Subscriptions of channels.knative.dev on a bus in memory, over real HTTP: what 2018's dispatchers did, and what
// of it is mended.

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function joined(...args: Parameters<typeof openBusWorld>): Promise<BusWorld> {
  const opened = await openBusWorld(...args);
  closers.push(() => opened.close());
  await opened.bus.joined;
  return opened;
}

async function sink(...args: Parameters<typeof openSink>) {
  const opened = await openSink(...args);
  closers.push(() => opened.close());
  return opened;
}

const HOST = "news-channel.shop.svc.cluster.local";
const stub = bus("stub");
const deletionTimestamp = (): string => new Date().toISOString();

/** Posts to the channel `news`. */
function toNews({ post }: BusWorld, how: PostOptions & { readonly path?: string } = {}): Promise<Answer> {
  const { path = "/", ...rest } = how;
  return post(path, { host: HOST, ...rest });
}

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
    await post("/", { host: HOST, headers: { ...EVENT, "ce-id": "old" } });
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

describe("whose a channel is (1.3, 1.4)", () => {
  const inShop = { BUS_NAME: "mine", BUS_NAMESPACE: "shop", BUS_KIND: "stub" };
  const mine = bus("mine", {}, { namespace: "shop" });

  test("a ClusterBus serves those that name it, in any namespace, and nobody else's", async () => {
    const { report, post } = await joined([
      stub,
      busChannel("news"),
      busChannel("far", { metadata: { namespace: "other" } }),
      busChannel("others", { spec: { clusterBus: "kafka" } }),
      busChannel("own", { spec: { bus: "stub" } }),
    ]);
    expect(Object.keys((await report()).streams).sort()).toEqual(["uid-far", "uid-news"]);
    expect((await post("/", { host: "far-channel.other.svc.cluster.local" })).status).toBe(202);
    expect((await post("/", { host: "others-channel.shop.svc.cluster.local" })).status).toBe(404);
  });

  test("a Bus serves those of its namespace that name it, and no other kind", async () => {
    const got = await sink();
    const world = await joined(
      [
        mine,
        busChannel("news", { spec: { bus: "mine" } }),
        busChannel("far", { spec: { bus: "mine" }, metadata: { namespace: "other" } }),
        busChannel("cluster", { spec: { clusterBus: "mine" } }),
        inMemoryChannel("modern"),
        busSubscription("s", got.url),
        busSubscription("foreign", got.url, { metadata: { namespace: "other" } }),
      ],
      inShop,
    );
    const { bus: id, streams, consumers } = await world.report();
    expect([id, Object.keys(streams), Object.keys(consumers)]).toEqual(["shop/mine", ["uid-news"], ["uid-s"]]);
    await toNews(world);
    await until("it came", () => got.received.length === 1);
    const { status } = await world.post("/", { host: "modern-kn-channel.shop.svc.cluster.local" });
    expect(status).toBe(404);
  });

  test("a Bus looks at nothing outside its namespace", async () => {
    const kube = openFakeKube({ objects: [mine] });
    const asked: [string, string | undefined][] = [];
    const noted: FakeKube = {
      ...kube,
      list(kind, options) {
        asked.push([kind.kind, options?.namespace]);
        return kube.list(kind, options);
      },
      watch(kind, options) {
        asked.push([kind.kind, options.namespace]);
        return kube.watch(kind, options);
      },
      find(kind, key, options) {
        asked.push([kind.kind, key.namespace]);
        return kube.find(kind, key, options);
      },
    };
    await joined([], inShop, { kube: noted });
    expect(new Set(asked.map(([kind]) => kind))).toEqual(new Set(["Bus", "Channel", "Subscription"]));
    expect(new Set(asked.map(([, namespace]) => namespace))).toEqual(new Set(["shop"]));
  });
});

describe("arguments (1.6)", () => {
  const served = { generation: 1, state: "serving", message: "" };
  const needy = bus("stub", { channel: [{ name: "Size" }], subscription: [{ name: "Speed" }] });
  const size = { arguments: [{ name: "Size", value: "1" }] };

  test("a channel without one that its bus requires is not served, says so, and is when it has it", async () => {
    const got = await sink();
    const speed = { spec: { arguments: [{ name: "Speed", value: "1" }] } };
    const world = await joined([needy, busChannel("news"), busSubscription("s", got.url, speed)]);
    const message = "missing required arguments: Size";
    expect((await world.report()).streams["uid-news"]).toEqual({ generation: 1, state: "failed", message });
    const ofChannel = `its Channel is not served: ${message}`;
    expect((await world.report()).consumers["uid-s"]).toMatchObject({ state: "failed", message: ofChannel });
    const answer = await toNews(world);
    expect([answer.status, answer.body, answer.headers["retry-after"]]).toEqual([
      503,
      `the channel is not served: ${message}\n`,
      "1",
    ]);
    world.kube.put(busChannel("news", { spec: size, metadata: { generation: 2 } }));
    await until("it is served", async () => (await world.report()).streams["uid-news"]?.state === "serving");
    await until("so is its subscription", async () => (await world.report()).consumers["uid-s"]?.state === "serving");
    expect((await toNews(world)).status).toBe(202);
    await until("it came", () => got.received.length === 1);
  });

  test("a subscription without one says so alone; the others are served", async () => {
    const [got, never] = [await sink(), await sink()];
    const speed = { spec: { arguments: [{ name: "Speed", value: "1" }] } };
    const world = await joined([
      needy,
      busChannel("news", { spec: size }),
      busSubscription("good", got.url, speed),
      busSubscription("bad", never.url),
    ]);
    const { streams, consumers } = await world.report();
    expect(streams["uid-news"]).toEqual(served);
    expect(consumers["uid-good"]).toMatchObject(served);
    const message = "missing required arguments: Speed";
    expect(consumers["uid-bad"]).toMatchObject({ generation: 1, state: "failed", message });
    await toNews(world);
    await until("it came", () => got.received.length === 1);
    expect(never.received).toEqual([]);
  });

  test("a bus that requires more than before says so, and what is served goes on as it was", async () => {
    const got = await sink();
    const world = await joined([stub, busChannel("news"), busSubscription("s", got.url)]);
    world.kube.put(needy);
    await until("it is said", async () => (await world.report()).consumers["uid-s"]?.state === "failed");
    const { streams, consumers } = await world.report();
    expect(streams["uid-news"]).toMatchObject({ state: "failed", message: "missing required arguments: Size" });
    expect(consumers["uid-s"]?.message).toBe("missing required arguments: Speed");
    expect((await toNews(world)).status).toBe(202);
    await until("it came", () => got.received.length === 1);
    world.kube.put(stub);
    await until("all is well", async () => {
      const report = await world.report();
      return report.streams["uid-news"]?.state === "serving" && report.consumers["uid-s"]?.state === "serving";
    });
  });

  test("a bus without an object of its own serves none, and says which is missing", async () => {
    const world = await joined([busChannel("news")]);
    const message = 'ClusterBus "stub" is not there, so nobody knows what it may be told';
    expect((await world.report()).streams["uid-news"]).toMatchObject({ state: "failed", message });
    world.kube.put(stub);
    await until("it is served", async () => (await world.report()).streams["uid-news"]?.state === "serving");
    await world.kube.delete(ClusterBus, { name: "stub" });
    world.kube.put(busChannel("later"));
    await until("what it said last counts", async () => (await world.report()).streams["uid-later"] !== undefined);
    expect((await world.report()).streams["uid-later"]).toEqual(served);
  });
});

describe("what changes while it runs", () => {
  test("a new spec is served when the status speaks of it, not before (1.5)", async () => {
    const [old, next] = [await sink(), await sink()];
    const world = await joined([stub, busChannel("news"), busSubscription("s", old.url)]);
    world.kube.put(busSubscription("s", old.url, { metadata: { generation: 2 }, status: { observedGeneration: 1 } }));
    await toNews(world);
    await until("the old one has it", () => old.received.length === 1);
    expect((await world.report()).consumers["uid-s"]?.generation).toBe(1);
    world.kube.put(busSubscription("s", next.url, { metadata: { generation: 2 } }));
    await until("it is served", async () => (await world.report()).consumers["uid-s"]?.generation === 2);
    await toNews(world);
    await until("the new one has it", () => next.received.length === 1);
    expect(old.received.length).toBe(1);
  });

  test("a subscription that nobody has looked at yet gets nothing", async () => {
    const got = await sink();
    const { status: _, ...fresh } = busSubscription("s", got.url);
    const world = await joined([stub, busChannel("news"), fresh]);
    expect((await toNews(world)).status).toBe(202);
    expect((await world.report()).consumers["uid-s"]).toBeUndefined();
  });

  test("a channel that comes after its subscription is served with it", async () => {
    const got = await sink();
    const world = await joined([stub, busSubscription("s", got.url)]);
    world.kube.put(busChannel("news"));
    await until("it is served", async () => (await world.report()).consumers["uid-s"]?.state === "serving");
    await toNews(world);
    await until("it came", () => got.received.length === 1);
  });
});

/** The bus in memory, with a reader of this name that is somebody else's. */
function withTaken(name: string): (open: OpenBus) => OpenBus {
  const refuse = async (id: string): Promise<void> => {
    await Promise.resolve();
    if (id.includes(name)) throw new BusRefusedError(`${name} is another object's`);
  };
  const picky = (log: BusLog): BusLog => ({
    ...log,
    openReader: (spec) => refuse(spec.id).then(() => log.openReader(spec)),
    deleteReader: (id) => refuse(id).then(() => log.deleteReader(id)),
  });
  return (open) => async () => {
    const { bus: given, ...rest } = await open();
    const openLog = async (spec: LogSpec): Promise<BusLog> => picky(await given.openLog(spec));
    return { ...rest, bus: { ...given, trouble: undefined, openLog } };
  };
}

test("a subscription whose name at the broker is taken says so; the others are served, and it can be deleted", async () => {
  const got = await sink();
  const objects = [stub, busChannel("news"), busSubscription("taken", got.url), busSubscription("b", got.url)];
  const world = await joined(objects, {}, { change: withTaken("taken") });
  const { streams, consumers } = await world.report();
  expect([streams["uid-news"]?.state, consumers["uid-b"]?.state]).toEqual(["serving", "serving"]);
  expect(consumers["uid-taken"]).toMatchObject({ state: "failed", message: "taken is another object's" });
  expect((await toNews(world)).status).toBe(202);
  await until("it came", () => got.received.length === 1);
  const metadata = { deletionTimestamp: deletionTimestamp(), finalizers: ["f"] };
  world.kube.put(busSubscription("taken", got.url, { metadata }));
  await until("it is let go", async () => (await world.report()).consumers["uid-taken"]?.state === "removed");
});

describe("what is deleted", () => {
  const going = () => ({ deletionTimestamp: deletionTimestamp(), finalizers: ["f"] });

  test("a subscription is removed with what waits for it, and one of its name begins anew", async () => {
    const ill = await sink(() => 400);
    const world = await joined([stub, busChannel("news"), busSubscription("s", ill.url)]);
    await toNews(world);
    await until("a letter", async () => (await world.report()).consumers["uid-s"]?.deadLetters === 1);
    world.kube.put(busSubscription("s", ill.url, { metadata: going() }));
    await until("it is removed", async () => (await world.report()).consumers["uid-s"]?.state === "removed");
    await toNews(world);
    world.kube.put(busSubscription("s", ill.url, { metadata: { ...going(), finalizers: [] } }));
    await world.kube.delete(Subscription, { namespace: "shop", name: "s" });
    await until("it is forgotten", async () => (await world.report()).consumers["uid-s"] === undefined);
    world.kube.put(busSubscription("s", ill.url, { metadata: { uid: "uid-s2" } }));
    await until("the next is served", async () => (await world.report()).consumers["uid-s2"]?.state === "serving");
    expect((await world.report()).consumers["uid-s2"]?.deadLetters).toBe(0);
    expect(ill.received.length).toBe(1);
  });

  test("a channel answers 404 at once, delivers what it has, and is removed", async () => {
    let status = 503;
    const slow = await sink(() => status);
    const world = await joined([stub, busChannel("news"), busSubscription("s", slow.url)]);
    await toNews(world);
    await until("it was tried", () => slow.received.length > 0);
    world.kube.put(busChannel("news", { metadata: going() }));
    await until("404", async () => (await toNews(world)).status === 404);
    expect((await world.report()).streams["uid-news"]?.state).toBe("serving");
    status = 202;
    await until("it is removed", async () => (await world.report()).streams["uid-news"]?.state === "removed");
    expect(slow.received.length).toBeGreaterThan(1);
    world.kube.put(busSubscription("s", slow.url, { metadata: going() }));
    await until("so is its subscription", async () => (await world.report()).consumers["uid-s"]?.state === "removed");
  });

  test("a channel and a subscription that could never be served are let go", async () => {
    const needy = bus("stub", { channel: [{ name: "Size" }], subscription: [{ name: "Speed" }] });
    const [channel, one] = [busChannel("news"), busSubscription("s", "http://127.0.0.1:1/")];
    const world = await joined([needy, channel, one]);
    expect((await world.report()).consumers["uid-s"]?.state).toBe("failed");
    world.kube.put(busSubscription("s", "http://127.0.0.1:1/", { metadata: going() }));
    await until("the one is", async () => (await world.report()).consumers["uid-s"]?.state === "removed");
    world.kube.put(busChannel("news", { metadata: going() }));
    await until("so is the other", async () => (await world.report()).streams["uid-news"]?.state === "removed");
  });

  test("what a killed process had begun to remove, the next one removes", async () => {
    const metadata = { ...going(), deletionTimestamp: new Date(Date.now() - 10_000).toISOString() };
    const world = await joined([
      stub,
      busChannel("news", { metadata }),
      busChannel("olds"),
      busSubscription("s", "http://127.0.0.1:1/", { metadata }),
      busSubscription("t", "http://127.0.0.1:1/", { spec: { channel: "olds" }, metadata }),
    ]);
    await until("all is removed", async () => {
      const { streams, consumers } = await world.report();
      return [streams["uid-news"], consumers["uid-s"], consumers["uid-t"]].every((one) => one?.state === "removed");
    });
    expect((await toNews(world)).status).toBe(404);
  });

  test("a channel whose object is gone at once is gone at once", async () => {
    const world = await joined([stub, busChannel("news")]);
    await world.kube.delete(Channel, { namespace: "shop", name: "news" });
    await until("404", async () => (await toNews(world)).status === 404);
    await until("nothing is said of it", async () => (await world.report()).streams["uid-news"] === undefined);
  });
});
