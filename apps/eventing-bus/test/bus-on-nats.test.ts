import { describe, expect, test } from "@jest/globals";
import { openNatsBus } from "@kelvin/bus-nats";
import { openFakeKube } from "@kelvin/testkit";
import { findLastingPort } from "@kelvin/testkit/child-program";
import { findNatsProblem, openNatsServer, type NatsServer } from "@kelvin/testkit/nats-server";
import { busName } from "../src/model/names.ts";
import { broker, brokerConfig, EVENT, trigger, until, openBusWorld, type BusWorld } from "./bus-world.ts";
import { useWorlds } from "./use-worlds.ts";

const problem = findNatsProblem();
const withServer = problem === undefined ? describe : describe.skip;

const { joined, sink, closeLater } = useWorlds();

const byText = (one = "", other = ""): number => (one < other ? -1 : 1);
const orders = { kind: "Broker", namespace: "shop", name: "orders" };
const NATS = ["NatsJetStreamChannel", "messaging.knative.dev/v1alpha1"] as const;

function world(url: string, ...[objects, env, rest]: Parameters<typeof openBusWorld>): Promise<BusWorld> {
  return joined(objects, { BUS_NAME: "nats", NATS_URL: url, ...env }, rest);
}

async function server(...args: Parameters<typeof openNatsServer>): Promise<NatsServer> {
  const opened = await openNatsServer(...args);
  closeLater(() => opened.close());
  return opened;
}

test("a broker that is down: the process is up and ready, and says what is wrong to whoever sends", async () => {
  const port = await findLastingPort();
  const { post, report, isReady } = await world(`nats://127.0.0.1:${port}`, [brokerConfig(...NATS), broker("orders")]);
  expect(await isReady()).toBe(true);
  const answer = await post("/shop/orders");
  expect([answer.status, answer.headers["retry-after"]]).toEqual([503, "1"]);
  expect(answer.body).toMatch(/^the bus is away: nats:.*REFUSED/);
  expect((await post("/shop/other")).status).toBe(404);
  const { trouble, streams } = await report();
  expect(trouble?.reason).toContain("CONNECTION_REFUSED");
  expect(streams["uid-orders"]).toMatchObject({
    state: "failed",
    message: expect.stringMatching(/REFUSED/) as unknown,
  });
}, 20_000);

withServer(`on a real server (${problem ?? "found"})`, () => {
  test("wrong credentials are said, right ones serve", async () => {
    const { url } = await server({ credentials: { user: "kelvin", password: "right" } });
    const objects = [brokerConfig(...NATS), broker("orders")];
    const wrong = await world(url, objects, { NATS_USER: "kelvin", NATS_PASSWORD: "wrong" });
    expect((await wrong.report()).trouble?.reason).toMatch(/refused: .*Authorization Violation/i);
    const { status, body } = await wrong.post("/shop/orders");
    expect([status, body]).toEqual([503, expect.stringMatching(/refused: .*Authorization Violation/i)]);
    const garbage = await world(url, objects, { NATS_CREDS: "garbage" });
    expect((await garbage.report()).trouble?.reason).toMatch(/creds|credentials|Authorization/i);
    const right = await world(url, objects, { NATS_USER: "kelvin", NATS_PASSWORD: "right" });
    expect((await right.report()).trouble).toBeNull();
    expect((await right.post("/shop/orders")).status).toBe(202);
  }, 20_000);

  test("a server that goes away is said, and served again when it is back, with what waited", async () => {
    const nats = await server();
    const got = await sink();
    const objects = [brokerConfig(...NATS), broker("orders"), trigger("t", got.url)];
    const { post, report } = await world(nats.url, objects);
    await nats.kill();
    await until("it is said", async () => (await report()).trouble !== null);
    const away = await post("/shop/orders", { headers: { ...EVENT, "ce-id": "away" } });
    expect([away.status, away.headers["retry-after"]]).toEqual([503, "1"]);
    await nats.start();
    await until("it is well", async () => (await report()).trouble === null);
    await until(
      "it is taken",
      async () => (await post("/shop/orders", { headers: { ...EVENT, "ce-id": "back" } })).status === 202,
    );
    await until("it came", () => got.ids().includes("back"));
  }, 60_000);

  test("what is deleted while the server is away is removed when it is back", async () => {
    const nats = await server();
    const got = await sink();
    const { kube, report } = await world(nats.url, [brokerConfig(...NATS), broker("orders"), trigger("t", got.url)]);
    await nats.kill();
    await until("it is said", async () => (await report()).trouble !== null);
    const going = { deletionTimestamp: new Date().toISOString(), finalizers: ["f"] };
    kube.put(trigger("t", got.url, { metadata: going }));
    kube.put(broker("orders", {}, going));
    await until("it failed", async () => (await report()).consumers["uid-t"]?.state === "failed");
    await nats.start();
    await until("it is removed", async () => (await report()).streams["uid-orders"]?.state === "removed");
    expect((await report()).consumers["uid-t"]?.state).toBe("removed");
  }, 60_000);

  test("what waits when a replica stops is delivered by the next one", async () => {
    const { url } = await server();
    let status = 503;
    const got = await sink(() => status);
    const delivery = { retry: 100, backoffPolicy: "linear", backoffDelay: "PT0.1S" };
    const kube = openFakeKube({ objects: [brokerConfig(...NATS), broker("orders", { delivery })] });
    const first = await openBusWorld([], { BUS_NAME: "nats", NATS_URL: url }, { kube });
    await first.bus.joined;
    kube.put(trigger("t", got.url));
    await until("it is served", async () => (await first.report()).consumers["uid-t"]?.state === "serving");
    const since = (await first.report()).consumers["uid-t"]?.since ?? "";
    await first.post("/shop/orders", { headers: { ...EVENT, "ce-id": "waits" } });
    await until("it was tried", () => got.received.length > 0);
    await first.close();
    kube.put(trigger("t", got.url, { status: { annotations: { "kelvin.dev/since": since } } }));
    status = 202;
    const before = got.received.length;
    const second = await world(url, [], {}, { kube });
    await until("it came", () => got.received.length > before);
    expect((await second.report()).consumers["uid-t"]?.since).toBe(since);
  }, 60_000);

  test("a broker is not read before its triggers are known: its events would count as delivered to all", async () => {
    const { url } = await server();
    const got = await sink();
    const kube = openFakeKube({ objects: [brokerConfig(...NATS), broker("orders"), trigger("t", got.url)] });
    const first = await openBusWorld([], { BUS_NAME: "nats", NATS_URL: url }, { kube });
    await first.bus.joined;
    const since = (await first.report()).consumers["uid-t"]?.since ?? "";
    kube.put(trigger("t", got.url, { status: { annotations: { "kelvin.dev/since": since } } }));
    await first.close();
    const bus = await openNatsBus({ servers: [url], name: "test" });
    closeLater(() => bus.close());
    const log = await bus.openLog({ id: busName(orders), partitions: 1, unfinishedBytesMax: 64 * 1024 * 1024 });
    await log.append({ headers: Object.entries({ ...EVENT, "ce-id": "kept" }).flat(), body: Buffer.alloc(0) });
    kube.intercept(async ({ verb, kind }) => {
      if (verb === "list" && kind.kind === "Trigger") await new Promise((resolve) => setTimeout(resolve, 500));
    });
    await world(url, [], {}, { kube });
    await until("it came", () => got.ids().includes("kept"));
  }, 60_000);

  test("two replicas deliver each event once; a broker that is deleted leaves nothing at the server", async () => {
    const { url } = await server();
    const got = await sink();
    const kube = openFakeKube({ objects: [brokerConfig(...NATS), broker("orders"), trigger("t", got.url)] });
    const one = await world(url, [], { POD_NAME: "one" }, { kube });
    const two = await world(url, [], { POD_NAME: "two" }, { kube });
    const ids = Array.from({ length: 20 }, (_, index) => `e${index}`);
    for (const [index, id] of ids.entries()) {
      const answer = await (index % 2 === 0 ? one : two).post("/shop/orders", { headers: { ...EVENT, "ce-id": id } });
      expect(answer).toMatchObject({ status: 202, body: "" });
    }
    await until("all came", () => got.received.length >= ids.length);
    expect(got.ids().toSorted(byText)).toEqual(ids.toSorted(byText));
    const going = { deletionTimestamp: new Date().toISOString(), finalizers: ["f"] };
    kube.put(broker("orders", {}, going));
    for (const { report } of [one, two]) {
      await until("it is removed", async () => (await report()).streams["uid-orders"]?.state === "removed");
    }
    const bus = await openNatsBus({ servers: [url], name: "test" });
    closeLater(() => bus.close());
    expect(await bus.findLog({ id: busName(orders), partitions: 1, unfinishedBytesMax: 1 })).toBeUndefined();
  }, 60_000);
});
