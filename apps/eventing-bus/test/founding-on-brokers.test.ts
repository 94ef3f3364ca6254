import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { openNatsBus } from "@kelvin/bus-nats";
import { openFakeKube, type FakeKube } from "@kelvin/testkit";
import { findKafkaProblem } from "@kelvin/testkit/kafka-jars";
import { openKafkaServer, type KafkaServer } from "@kelvin/testkit/kafka-server";
import { findNatsProblem, openNatsServer } from "@kelvin/testkit/nats-server";
import { Kafka, logLevel, type Admin } from "kafkajs";
import { busName } from "../src/model/names.ts";
import {
  bus,
  busChannel,
  busSubscription,
  EVENT,
  openBusWorld,
  until,
  type Answer,
  type BusWorld,
} from "./bus-world.ts";
import { useWorlds } from "./use-worlds.ts";

// Channels and Subscriptions of channels.knative.dev on real brokers: what is called how there, and what outlives a process.

const { joined: opened, sink, closeLater } = useWorlds();
const joined = (env: Record<string, string>, kube: FakeKube): Promise<BusWorld> => opened([], env, { kube });

function toNews({ post }: BusWorld, id = "1", body = ""): Promise<Answer> {
  return post("/", { host: "news.shop.channels.cluster.local", headers: { ...EVENT, "ce-id": id }, body });
}

const going = () => ({ deletionTimestamp: new Date().toISOString(), finalizers: ["f"] });
const isServing = async ({ report }: BusWorld, uid: string): Promise<boolean> =>
  (await report()).consumers[uid]?.state === "serving";

const natsProblem = findNatsProblem();
(natsProblem === undefined ? describe : describe.skip)(`on a real NATS server (${natsProblem ?? "found"})`, () => {
  const objects = [bus("nats"), busChannel("news", { spec: { clusterBus: "nats" } })];
  const logId = busName({ kind: "BusChannel", namespace: "shop", name: "news" });

  /** A server, and whether it has the log of the channel. */
  async function server() {
    const nats = await openNatsServer();
    closeLater(() => nats.close());
    const direct = await openNatsBus({ servers: [nats.url], name: "test" });
    closeLater(() => direct.close());
    const hasLog = async (): Promise<boolean> => {
      const log = await direct.findLog({ id: logId, partitions: 1, unfinishedBytesMax: 1 });
      await log?.close();
      return log !== undefined;
    };
    return { env: { BUS_NAME: "nats", NATS_URL: nats.url }, hasLog };
  }

  test("what waits when a replica stops is delivered by the next one, byte for byte", async () => {
    const { env } = await server();
    let status = 503;
    const got = await sink(() => status);
    const kube = openFakeKube({ objects: [...objects, busSubscription("s", got.url)] });
    const first = await openBusWorld([], env, { kube });
    await first.bus.joined;
    const body = '{ "specversion":"1.0",  "id":"1" ';
    const structured = { "content-type": "application/cloudevents+json" };
    const answer = await first.post("/", { host: "news-channel.shop.svc", headers: structured, body });
    expect(answer.status).toBe(202);
    await until("it was tried", () => got.received.length > 0);
    await first.close();
    status = 202;
    const before = got.received.length;
    await joined(env, kube);
    await until("it came", () => got.received.length > before);
    for (const one of got.received) expect(one).toMatchObject({ body, headers: structured });
  }, 60_000);

  test("a channel that is deleted while no replica is there is removed by the next one", async () => {
    const { env, hasLog } = await server();
    const ill = await sink(() => 503);
    const kube = openFakeKube({ objects: [...objects, busSubscription("s", ill.url)] });
    const first = await openBusWorld([], env, { kube });
    await first.bus.joined;
    await toNews(first);
    await until("it was tried", () => ill.received.length > 0);
    await first.close();
    expect(await hasLog()).toBe(true);
    const metadata = { ...going(), deletionTimestamp: new Date(Date.now() - 31_000).toISOString() };
    kube.put(busChannel("news", { spec: { clusterBus: "nats" }, metadata }));
    kube.put(busSubscription("s", ill.url, { metadata }));
    const second = await joined(env, kube);
    await until("it is removed", async () => (await second.report()).streams["uid-news"]?.state === "removed");
    expect((await second.report()).consumers["uid-s"]?.state).toBe("removed");
    expect(await hasLog()).toBe(false);
  }, 60_000);
});

const kafkaProblem = findKafkaProblem();
(kafkaProblem === undefined ? describe : describe.skip)(`on a real Kafka broker (${kafkaProblem ?? "found"})`, () => {
  let server: KafkaServer;
  let admin: Admin;
  let env: Record<string, string>;
  beforeAll(async () => {
    server = await openKafkaServer();
    admin = new Kafka({ brokers: [server.address], logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    env = { BUS_NAME: "events", BUS_KIND: "kafka", KAFKA_BOOTSTRAP_SERVERS: server.address };
  }, 130_000);
  afterAll(async () => {
    await admin.disconnect();
    await server.close();
  });

  const parameters = {
    channel: [{ name: "NumPartitions", default: "" }],
    subscription: [{ name: "initialOffset", default: "" }],
  };
  const events = bus("events", parameters);
  const channel = (numPartitions = "", metadata = {}) =>
    busChannel("news", {
      spec: { clusterBus: "events", arguments: [{ name: "NumPartitions", value: numPartitions }] },
      metadata,
    });
  const from = (value: string) => ({ spec: { arguments: [{ name: "initialOffset", value }] } });
  const groups = async (): Promise<string[]> => {
    const all = (await admin.listGroups()).groups.map(({ groupId }) => groupId);
    return all.filter((group) => group.startsWith("events.")).sort();
  };
  const topics = async (): Promise<string[]> => (await admin.listTopics()).filter((topic) => topic.startsWith("shop."));
  const partitions = async (): Promise<number | undefined> =>
    (await admin.fetchTopicMetadata({ topics: ["shop.news"] })).topics[0]?.partitions.length;

  test("topic and group are called as in 2018; Oldest begins with what is there; nothing of it stays", async () => {
    const [got, late, oldest] = [await sink(), await sink(), await sink()];
    const kube = openFakeKube({ objects: [events, channel("3"), busSubscription("s", got.url)] });
    const world = await joined(env, kube);
    await until("it is served", () => isServing(world, "uid-s"));
    expect([await topics(), await partitions()]).toEqual([["shop.news"], 3]);
    expect((await toNews(world, "early", "hi")).status).toBe(202);
    await until("it came", () => got.received.length === 1);
    expect(got.received[0]).toMatchObject({ body: "hi", headers: { "ce-id": "early" } });
    kube.put(busSubscription("late", late.url, from("Newest")));
    kube.put(busSubscription("oldest", oldest.url, from("Oldest")));
    await until("both are served", async () => (await isServing(world, "uid-late")) && isServing(world, "uid-oldest"));
    await toNews(world, "later");
    await until("all came", () => oldest.received.length + late.received.length >= 3);
    expect([oldest.ids().sort(), late.ids()]).toEqual([["early", "later"], ["later"]]);
    expect(await groups()).toEqual(["events.shop.late", "events.shop.oldest", "events.shop.s"]);
    kube.put(busSubscription("late", late.url, { ...from("Newest"), metadata: going() }));
    await until("one is removed", async () => (await world.report()).consumers["uid-late"]?.state === "removed");
    expect(await groups()).not.toContain("events.shop.late");
    kube.put(channel("3", going()));
    await until("it is removed", async () => (await world.report()).streams["uid-news"]?.state === "removed");
    expect([await topics(), await groups()]).toEqual([[], []]);
  }, 60_000);

  test("more partitions than the topic has are refused, and it is served on as it was", async () => {
    const got = await sink();
    const kube = openFakeKube({ objects: [events, channel("2"), busSubscription("s", got.url)] });
    const world = await joined(env, kube);
    await until("it is served", () => isServing(world, "uid-s"));
    kube.put(channel("4", { generation: 2 }));
    await until("it is said", async () => (await world.report()).streams["uid-news"]?.state === "failed");
    const { streams } = await world.report();
    expect(streams["uid-news"]).toMatchObject({ generation: 2, message: expect.stringContaining("2 of 4 partitions") });
    expect((await toNews(world, "on")).status).toBe(202);
    await until("it came", () => got.ids().includes("on"));
    kube.put(channel("many", { generation: 3 }));
    const wrong = 'argument NumPartitions: must be a whole number from 1 to 256, was "many"';
    await until("that is said", async () => (await world.report()).streams["uid-news"]?.message === wrong);
    // Somebody adds them, and the channel is opened anew.
    await admin.createPartitions({ topicPartitions: [{ topic: "shop.news", count: 4 }] });
    kube.put(channel("4", { generation: 4 }));
    await until("it is well", async () => (await world.report()).streams["uid-news"]?.state === "serving");
    expect((await toNews(world, "anew")).status).toBe(202);
    await until("it came", () => got.ids().includes("anew"));
    kube.put(channel("4", going()));
    await until("it is removed", async () => (await world.report()).streams["uid-news"]?.state === "removed");
  }, 60_000);

  test("a topic that somebody else made for something else is refused, and left alone", async () => {
    const configEntries = [{ name: "cleanup.policy", value: "compact" }];
    await admin.createTopics({ topics: [{ topic: "shop.news", configEntries }], waitForLeaders: true });
    const kube = openFakeKube({ objects: [events, channel()] });
    const world = await joined(env, kube);
    const { streams } = await world.report();
    expect(streams["uid-news"]).toMatchObject({ state: "failed", message: expect.stringContaining("compact") });
    expect(await toNews(world)).toMatchObject({ status: 503, body: expect.stringContaining("compact") });
    kube.put(channel("", going()));
    await until("the channel is let go", async () => (await world.report()).streams["uid-news"]?.state === "removed");
    expect(await topics()).toEqual(["shop.news"]);
    await admin.deleteTopics({ topics: ["shop.news"] });
  }, 60_000);

  test("two replicas share what comes to a channel, and let go of it together", async () => {
    const got = await sink();
    const subscriptions = [busSubscription("s", got.url), busSubscription("t", got.url)];
    const kube = openFakeKube({ objects: [events, channel("2"), ...subscriptions] });
    const one = await joined({ ...env, POD_NAME: "one" }, kube);
    const two = await joined({ ...env, POD_NAME: "two" }, kube);
    for (const replica of [one, two]) await until("it is served", () => isServing(replica, "uid-t"));
    const ids = Array.from({ length: 20 }, (_, index) => `e${index}`);
    for (const [index, id] of ids.entries()) expect((await toNews(index % 2 === 0 ? one : two, id)).status).toBe(202);
    await until("all came", () => new Set(got.ids()).size === ids.length);
    kube.put(busSubscription("t", got.url, { metadata: going() }));
    for (const { report } of [one, two]) {
      await until("it is removed", async () => (await report()).consumers["uid-t"]?.state === "removed");
    }
    expect(await groups()).toEqual(["events.shop.s"]);
    kube.put(channel("2", going()));
    for (const { report } of [one, two]) {
      await until("it is removed", async () => (await report()).streams["uid-news"]?.state === "removed");
    }
    expect([await topics(), await groups()]).toEqual([[], []]);
  }, 60_000);

  test("a channel that is deleted while no replica is there is removed by the next one, with its groups", async () => {
    const got = await sink();
    const kube = openFakeKube({ objects: [events, channel(), busSubscription("s", got.url)] });
    const first = await openBusWorld([], env, { kube });
    await first.bus.joined;
    await until("it is served", () => isServing(first, "uid-s"));
    await first.close();
    expect([await topics(), await groups()]).toEqual([["shop.news"], ["events.shop.s"]]);
    const metadata = { ...going(), deletionTimestamp: new Date(Date.now() - 31_000).toISOString() };
    kube.put(channel("", metadata));
    const second = await joined(env, kube);
    await until("it is removed", async () => (await second.report()).streams["uid-news"]?.state === "removed");
    expect([await topics(), await groups()]).toEqual([[], []]);
  }, 60_000);
});
