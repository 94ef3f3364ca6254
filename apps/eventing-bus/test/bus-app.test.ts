import { afterEach, describe, expect, test } from "@jest/globals";
import { Trigger } from "@kelvin/api/eventing/v1";
import { systemClock, UnavailableError, type Clock } from "@kelvin/kube";
import {
  broker,
  brokerConfig,
  EVENT,
  inMemoryChannel,
  openBusWorld,
  openSink,
  subscription,
  trigger,
  until,
  type BusWorld,
} from "./bus-world.ts";

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function world(...args: Parameters<typeof openBusWorld>): Promise<BusWorld> {
  const opened = await openBusWorld(...args);
  closers.push(() => opened.close());
  return opened;
}

async function joined(...args: Parameters<typeof openBusWorld>): Promise<BusWorld> {
  const opened = await world(...args);
  await opened.bus.joined;
  return opened;
}

async function sink(...args: Parameters<typeof openSink>) {
  const opened = await openSink(...args);
  closers.push(() => opened.close());
  return opened;
}

const deletionTimestamp = (): string => new Date().toISOString();

test("a broker and its triggers are served, and reported", async () => {
  const got = await sink();
  const { post, report, isReady } = await joined([
    brokerConfig(),
    broker("orders"),
    trigger("all", got.url),
    trigger("none", got.url, { spec: { broker: "orders", filter: { attributes: { type: "other" } } } }),
  ]);
  expect(await isReady()).toBe(true);
  const { bus, replica, synced, trouble, streams, consumers } = await report();
  expect({ bus, replica, synced, trouble }).toEqual({ bus: "stub", replica: "replica-1", synced: true, trouble: null });
  expect(streams["uid-orders"]).toEqual({ generation: 1, state: "serving", message: "" });
  expect(consumers["uid-all"]).toMatchObject({ generation: 1, state: "serving", deadLetters: 0, backlog: 0 });
  expect(consumers["uid-all"]?.since).toMatch(/^uid-orders\./);
  expect((await post("/shop/orders")).status).toBe(202);
  await until("the event came", () => got.received.length === 1);
  expect(got.received[0]?.headers).toMatchObject({ ...EVENT, prefer: "reply", "kn-namespace": "shop" });
});

test("what is counted is shown", async () => {
  const ill = await sink(() => 400);
  const { post, report, metrics } = await joined([brokerConfig(), broker("orders"), trigger("t", ill.url)]);
  await post("/shop/orders");
  await post("/shop/other");
  await until("a letter", async () => (await report()).consumers["uid-t"]?.deadLetters === 1);
  const lines = (await metrics()).split("\n").map((line) => line.replace(/app="[^"]*",?/, "").replace("{}", ""));
  for (const line of [
    'eventing_requests_total{code="202"} 1',
    'eventing_requests_total{code="404"} 1',
    "eventing_attempts_total 1",
    'eventing_streams{state="serving"} 1',
    'eventing_consumers{state="serving"} 1',
    "eventing_backlog_events 0",
    "eventing_dead_letters 1",
    "eventing_bus_up 1",
    "eventing_reading 1",
  ]) {
    expect(lines.map((one) => one.replace(",}", "}"))).toContain(line);
  }
});

describe("where requests go", () => {
  test.each([
    ["/shop/orders/", undefined, 202],
    ["/shop/orders?x=1", "anything.example:8080", 202],
    ["/shop/orders", "imc-dispatcher.knative-eventing.svc.cluster.local", 404],
    ["/", "news-kn-channel.shop.svc.cluster.local:80", 202],
    ["/whatever", "NEWS-kn-channel.shop.svc", 202],
    ["/shop/news", "imc-dispatcher.knative-eventing.svc.cluster.local", 202],
    ["/shop/news", undefined, 404],
    ["/shop/other", undefined, 404],
    ["/", undefined, 404],
  ])("%s at %s: %s", async (path, host, status) => {
    const { post } = await joined([brokerConfig(), broker("orders"), inMemoryChannel("news")]);
    expect((await post(path, host === undefined ? {} : { host })).status).toBe(status);
  });
});

test("a channel delivers to its subscriptions, and to those of the Channel that it stands for", async () => {
  const [direct, named] = [await sink(), await sink()];
  const channel = {
    ...inMemoryChannel("news"),
    kind: "Channel",
    metadata: { ...inMemoryChannel("news").metadata, uid: "uid-front" },
    spec: { channelTemplate: { apiVersion: "messaging.knative.dev/v1", kind: "InMemoryChannel" } },
  };
  const { post, report } = await joined([
    channel,
    inMemoryChannel("news"),
    subscription("direct", direct.url),
    subscription("named", named.url, "Channel"),
  ]);
  const host = "news-kn-channel.shop.svc.cluster.local";
  expect((await post("/", { host, headers: { "content-type": "text/csv" }, body: "a,b" })).status).toBe(202);
  await until("both have it", () => direct.received.length + named.received.length === 2);
  expect(direct.received[0]).toMatchObject({ body: "a,b" });
  expect(Object.keys((await report()).streams)).toEqual(["uid-news"]);
});

describe("what changes while it runs", () => {
  test("a broker and a trigger that come are served, and news wake who waits for the report", async () => {
    const got = await sink();
    const { kube, post, report } = await joined([brokerConfig()]);
    const { version } = await report();
    const news = report(version);
    kube.put(broker("orders"));
    expect((await news).version).not.toBe(version);
    await until("the broker is served", async () => (await report()).streams["uid-orders"]?.state === "serving");
    await post("/shop/orders", { headers: { ...EVENT, "ce-id": "early" } });
    kube.put(trigger("t", got.url));
    await until("the trigger is served", async () => (await report()).consumers["uid-t"]?.state === "serving");
    await post("/shop/orders", { headers: { ...EVENT, "ce-id": "late" } });
    await until("the event came", () => got.received.length > 0);
    expect(got.ids()).toEqual(["late"]);
  });

  test("a new spec is served when the status speaks of it, not before", async () => {
    const [old, next] = [await sink(), await sink()];
    const { kube, post, report } = await joined([brokerConfig(), broker("orders"), trigger("t", old.url)]);
    const since = (await report()).consumers["uid-t"]?.since ?? "";
    kube.put(trigger("t", old.url, { metadata: { generation: 2 }, status: { observedGeneration: 1 } }));
    await post("/shop/orders", { headers: { ...EVENT, "ce-id": "1" } });
    await until("the old one has it", () => old.received.length === 1);
    expect((await report()).consumers["uid-t"]).toMatchObject({ generation: 1, since });
    const status = { annotations: { "kelvin.dev/since": since } };
    kube.put(trigger("t", next.url, { metadata: { generation: 2 }, status }));
    await until("it is served", async () => (await report()).consumers["uid-t"]?.generation === 2);
    await post("/shop/orders", { headers: { ...EVENT, "ce-id": "2" } });
    await until("the new one has it", () => next.received.length === 1);
    expect([old.ids(), next.ids(), (await report()).consumers["uid-t"]?.since]).toEqual([["1"], ["2"], since]);
  });

  test("a subscriber that does not resolve any more has its events wait, without an attempt", async () => {
    const got = await sink();
    const { kube, post, report } = await joined([brokerConfig(), broker("orders"), trigger("t", got.url)]);
    kube.put(trigger("t", undefined, { metadata: { generation: 2 } }));
    await until("it is known", async () => (await report()).consumers["uid-t"]?.generation === 2);
    await post("/shop/orders");
    await until("it waits", async () => (await report()).consumers["uid-t"]?.backlog === 1);
    kube.put(trigger("t", got.url, { metadata: { generation: 3 } }));
    await until("it came", () => got.received.length === 1);
    // It waits where it is out of the way of others, for ten seconds and more.
  }, 30_000);

  test("dead letters are counted", async () => {
    const ill = await sink(() => 400);
    const { post, report } = await joined([brokerConfig(), broker("orders"), trigger("t", ill.url)]);
    await post("/shop/orders");
    await until("one is counted", async () => (await report()).consumers["uid-t"]?.deadLetters === 1);
  });

  test("a broker whose configuration was lost is served by the bus that its status names", async () => {
    const annotations = { "kelvin.dev/bus": "stub" };
    const orders = broker("orders");
    orders.status = { ...orders.status, annotations };
    const { post, report } = await joined([orders, broker("other")]);
    await until("it is served", async () => (await report()).streams["uid-orders"]?.state === "serving");
    expect((await post("/shop/orders")).status).toBe(202);
    expect((await post("/shop/other")).status).toBe(404);
  });

  test("a broker that changes its bus is left, and nothing is said of it", async () => {
    const { kube, post, report } = await joined([brokerConfig(), broker("orders")]);
    kube.put(brokerConfig("NatsJetStreamChannel", "messaging.knative.dev/v1alpha1"));
    await until("it is left", async () => (await report()).streams["uid-orders"] === undefined);
    expect((await post("/shop/orders")).status).toBe(404);
  });
});

test("without the API server for 10 s events are taken, and read when it is back", async () => {
  const got = await sink();
  // Ten times as fast.
  const clock: Clock = {
    ...systemClock,
    monotonicMs: () => systemClock.monotonicMs() * 10,
    setTimer: (callback, delayMs) => systemClock.setTimer(callback, delayMs / 10),
    sleep: (delayMs, signal) => systemClock.sleep(delayMs / 10, signal),
  };
  const objects = [brokerConfig(), broker("orders"), trigger("t", got.url)];
  const { kube, post, isReady } = await joined(objects, {}, { clock });
  const startMs = systemClock.monotonicMs();
  kube.intercept(() => {
    throw new UnavailableError("the API server is away");
  });
  await post("/shop/orders", { headers: { ...EVENT, "ce-id": "fresh" } });
  await until("it is read", () => got.ids().includes("fresh"));
  await systemClock.sleep(1_300 - (systemClock.monotonicMs() - startMs));
  expect((await post("/shop/orders", { headers: { ...EVENT, "ce-id": "stale" } })).status).toBe(202);
  await systemClock.sleep(200);
  expect([got.ids(), await isReady()]).toEqual([["fresh"], true]);
  kube.intercept(undefined);
  await until("it is read", () => got.ids().includes("stale"));
});

describe("what is deleted", () => {
  test("a trigger is removed with its dead letters, and one of its name begins anew", async () => {
    const ill = await sink(() => 400);
    const { kube, post, report } = await joined([brokerConfig(), broker("orders"), trigger("t", ill.url)]);
    await post("/shop/orders");
    await until("a letter", async () => (await report()).consumers["uid-t"]?.deadLetters === 1);
    const going = trigger("t", ill.url, { metadata: { deletionTimestamp: deletionTimestamp(), finalizers: ["f"] } });
    kube.put(going);
    await until("it is removed", async () => (await report()).consumers["uid-t"]?.state === "removed");
    await post("/shop/orders");
    kube.put({ ...going, metadata: { ...going.metadata, finalizers: [] } });
    await kube.delete(Trigger, { namespace: "shop", name: "t" });
    await until("it is forgotten", async () => (await report()).consumers["uid-t"] === undefined);
    kube.put(trigger("t", ill.url, { metadata: { uid: "uid-t2" } }));
    await until("the next is served", async () => (await report()).consumers["uid-t2"]?.state === "serving");
    expect((await report()).consumers["uid-t2"]?.deadLetters).toBe(0);
    expect(ill.received.length).toBe(1);
  });

  test("a broker answers 404 at once, delivers what it has, and is removed", async () => {
    let status = 503;
    const slow = await sink(() => status);
    const delivery = { retry: 50, backoffPolicy: "linear", backoffDelay: "PT0.1S" };
    const { kube, post, report } = await joined([
      brokerConfig(),
      broker("orders", { delivery }),
      trigger("t", slow.url),
    ]);
    await post("/shop/orders");
    await until("it was tried", () => slow.received.length > 0);
    kube.put(broker("orders", { delivery }, { deletionTimestamp: deletionTimestamp(), finalizers: ["f"] }));
    await until("404", async () => (await post("/shop/orders")).status === 404);
    expect((await report()).streams["uid-orders"]?.state).toBe("serving");
    status = 202;
    await until("it is removed", async () => (await report()).streams["uid-orders"]?.state === "removed");
    expect(slow.received.length).toBeGreaterThan(1);
    expect((await report()).consumers["uid-t"]).toBeUndefined();
    const going = { deletionTimestamp: deletionTimestamp(), finalizers: ["f"] };
    kube.put(trigger("t", slow.url, { metadata: going }));
    await until("its trigger is let go", async () => (await report()).consumers["uid-t"]?.state === "removed");
  });

  test("a broker whose time to drain is over is removed with what waits", async () => {
    const ill = await sink(() => 503);
    const { kube, post, report } = await joined([brokerConfig(), broker("orders"), trigger("t", ill.url)]);
    await post("/shop/orders");
    const long = new Date(Date.now() - 31_000).toISOString();
    kube.put(broker("orders", {}, { deletionTimestamp: long, finalizers: ["f"] }));
    await until("it is removed", async () => (await report()).streams["uid-orders"]?.state === "removed");
  });
});
