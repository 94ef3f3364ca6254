import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { openKafkaBus } from "@kelvin/bus-kafka";
import { openFakeKube } from "@kelvin/testkit";
import { findLastingPort } from "@kelvin/testkit/child-program";
import { findKafkaProblem } from "@kelvin/testkit/kafka-jars";
import { kafkaLogin, openKafkaServer, type KafkaServer } from "@kelvin/testkit/kafka-server";
import { busName } from "../src/model/names.ts";
import { broker, brokerConfig, EVENT, trigger, until, type BusWorld, type openBusWorld } from "./bus-world.ts";
import { useWorlds } from "./use-worlds.ts";

const problem = findKafkaProblem();
const withServer = problem === undefined ? describe : describe.skip;

const { joined, sink, closeLater } = useWorlds();

const byText = (one = "", other = ""): number => (one < other ? -1 : 1);
const config = brokerConfig("KafkaChannel", "messaging.knative.dev/v1beta1");

function world(at: string, ...[objects, env, rest]: Parameters<typeof openBusWorld>): Promise<BusWorld> {
  return joined(objects, { BUS_NAME: "kafka", KAFKA_BOOTSTRAP_SERVERS: at, ...env }, rest);
}

test("a broker that is down: the process is up and ready, and says what is wrong to whoever sends", async () => {
  const port = await findLastingPort();
  const { post, report, isReady } = await world(`127.0.0.1:${port}`, [config, broker("orders")]);
  expect(await isReady()).toBe(true);
  const answer = await post("/shop/orders");
  expect([answer.status, answer.headers["retry-after"]]).toEqual([503, "1"]);
  expect(answer.body).toMatch(/^the bus is away: 127\.0\.0\.1:.*ECONNREFUSED/);
  expect((await report()).trouble?.reason).toContain("ECONNREFUSED");
  expect((await report()).streams["uid-orders"]).toMatchObject({ state: "failed" });
}, 30_000);

withServer(`on a real broker (${problem ?? "found"})`, () => {
  let server: KafkaServer;
  beforeAll(async () => {
    server = await openKafkaServer();
  }, 180_000);
  afterAll(() => server.close());

  test("wrong credentials are said, right ones serve", async () => {
    const login = { KAFKA_USERNAME: kafkaLogin.username, KAFKA_TOPIC_PREFIX: "guarded." };
    const objects = [config, broker("orders")];
    const wrong = await world(server.guardedAddress, objects, { ...login, KAFKA_PASSWORD: "wrong" });
    expect((await wrong.report()).trouble?.reason).toContain("Invalid username or password");
    const { status, body } = await wrong.post("/shop/orders");
    expect([status, body]).toEqual([503, expect.stringContaining("Invalid username or password")]);
    const right = await world(server.guardedAddress, objects, { ...login, KAFKA_PASSWORD: kafkaLogin.password });
    expect((await right.report()).trouble).toBeNull();
    expect((await right.post("/shop/orders")).status).toBe(202);
  }, 60_000);

  test("a broker that goes away is said, and served again when it is back, with what waited", async () => {
    const got = await sink();
    const env = { KAFKA_TOPIC_PREFIX: "away." };
    const { post, report } = await world(server.address, [config, broker("orders"), trigger("t", got.url)], env);
    const send = async (id: string) => (await post("/shop/orders", { headers: { ...EVENT, "ce-id": id } })).status;
    expect(await send("before")).toBe(202);
    await server.kill();
    await until("it is said", async () => (await report()).trouble !== null);
    await until("it is refused", async () => (await send("away")) === 503);
    await server.start();
    await until("it is well", async () => (await report()).trouble === null);
    await until("it is taken", async () => (await send("back")) === 202);
    await until("all came", () => ["before", "back"].every((id) => got.ids().includes(id)));
  }, 300_000);

  test("two replicas deliver each event once; a broker that is deleted leaves nothing at the server", async () => {
    const got = await sink();
    const kube = openFakeKube({ objects: [config, broker("orders"), trigger("t", got.url)] });
    const one = await world(server.address, [], { POD_NAME: "one" }, { kube });
    const two = await world(server.address, [], { POD_NAME: "two" }, { kube });
    const ids = Array.from({ length: 20 }, (_, index) => `e${index}`);
    for (const [index, id] of ids.entries()) {
      const answer = await (index % 2 === 0 ? one : two).post("/shop/orders", { headers: { ...EVENT, "ce-id": id } });
      expect(answer).toMatchObject({ status: 202, body: "" });
    }
    await until("all came", () => got.received.length >= ids.length);
    expect(got.ids().toSorted(byText)).toEqual(ids.toSorted(byText));
    kube.put(broker("orders", {}, { deletionTimestamp: new Date().toISOString(), finalizers: ["f"] }));
    for (const { report } of [one, two]) {
      await until("it is removed", async () => (await report()).streams["uid-orders"]?.state === "removed");
    }
    const bus = await openKafkaBus({ brokers: [server.address], name: "test" });
    closeLater(() => bus.close());
    const id = busName({ kind: "Broker", namespace: "shop", name: "orders" });
    expect(await bus.findLog({ id, partitions: 1, unfinishedBytesMax: 1 })).toBeUndefined();
  }, 120_000);
});
