import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { BusRefusedError, BusUnavailableError } from "@kelvin/bus";
import type { HeldRecord } from "@kelvin/bus";
import { describeBus } from "@kelvin/bus/contract";
import { findNatsProblem, openNatsServer, type NatsServer } from "@kelvin/testkit/nats-server";
import { brokerName } from "./broker-names.ts";
import { openNatsBus } from "./nats-bus.ts";

const problem = findNatsProblem();
const withServer = problem === undefined ? describe : describe.skip;

withServer(`on a real server (${problem ?? "found"})`, () => {
  let server: NatsServer;
  beforeAll(async () => {
    server = await openNatsServer();
  });
  afterAll(() => server.close());
  const open = () => openNatsBus({ servers: [server.url], name: "contract" });
  describeBus("nats", { open, isDurable: true, boundsUnfinished: true });

  test("outlives the server's kill: nothing that was taken is lost, and what was held comes again", async () => {
    const bus = await open();
    const log = await bus.openLog({ id: "kill", partitions: 1, unfinishedBytesMax: 1_000_000 });
    const seen = new Map<string, HeldRecord>();
    const onRecord = (record: HeldRecord): void => void seen.set(record.body.toString(), record);
    const reader = await log.openReader({ id: "a", from: "end", inFlightMax: 10, onRecord });
    for (const id of ["1", "2"]) await log.append({ headers: ["ce-id", id], body: Buffer.from(id) });
    await until(() => seen.size === 2);
    await seen.get("1")?.finish();
    seen.clear();

    await server.kill();
    await until(() => bus.trouble !== undefined);
    await expect(log.append({ headers: [], body: Buffer.from("3") })).rejects.toThrow(BusUnavailableError);
    await server.start();
    await until(() => bus.trouble === undefined);

    await reader.close();
    const again = await log.openReader({ id: "a", from: "end", inFlightMax: 10, onRecord });
    await until(() => seen.has("2"));
    expect(seen.has("1")).toBe(false);
    await bus.close();
    await again.close();
  }, 60_000);
});

withServer("what is wrong is said", () => {
  test("nobody there", async () => {
    await expect(openNatsBus({ servers: ["nats://127.0.0.1:1"], name: "t" })).rejects.toThrow(BusUnavailableError);
  });

  test("wrong credentials", async () => {
    const server = await openNatsServer({ credentials: { user: "ada", password: "secret" } });
    const connect = (password: string) =>
      openNatsBus({ servers: [server.url], name: "t", credentials: { user: "ada", password } });
    await expect(connect("wrong")).rejects.toThrow(BusRefusedError);
    await (await connect("secret")).close();
    await server.close();
  });

  test("the limit of a record is the server's", async () => {
    const server = await openNatsServer({ maxPayloadBytes: 100_000 });
    const bus = await openNatsBus({ servers: [server.url], name: "t" });
    expect(bus.recordBytesMax).toBe(100_000 - 4_096);
    await bus.close();
    await server.close();
  });
});

test("names at the server are legal, and two of ours never share one", () => {
  const names = ["a-b.c", "a.b-c", "a/b", "a_b", "a b", "x".repeat(300), "x".repeat(301)].map(brokerName);
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) expect(name).toMatch(/^[A-Za-z0-9_-]{1,100}$/);
});

async function until(isSo: () => boolean): Promise<void> {
  for (let tries = 0; tries < 400 && !isSo(); tries += 1) await new Promise((resolve) => setTimeout(resolve, 50));
  expect(isSo()).toBe(true);
}
