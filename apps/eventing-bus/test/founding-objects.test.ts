import { describe, expect, test } from "@jest/globals";
import { Channel, ClusterBus, Subscription } from "@kelvin/api/channels/v1alpha1";
import { BusRefusedError, type BusLog, type LogSpec } from "@kelvin/bus";
import { openFakeKube, type FakeKube } from "@kelvin/testkit";
import type { OpenBus } from "../src/bus/opened-bus.ts";
import { bus, busChannel, busSubscription, inMemoryChannel, until } from "./bus-world.ts";
import { stub, toNews } from "./founding-world.ts";
import { useWorlds } from "./use-worlds.ts";

// How a bus in memory follows the objects of channels.knative.dev, over real HTTP. Named after the parts of the founding API
// (1.3: buses, 1.4: channels, 1.5: subscriptions, 1.6: arguments).

const { joined, sink } = useWorlds();
const deletionTimestamp = (): string => new Date().toISOString();

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
