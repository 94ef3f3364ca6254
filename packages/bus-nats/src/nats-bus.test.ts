import { readdirSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { BusUnavailableError, LogFullError } from "@kelvin/bus";
import type { BusLog, BusRecord, HeldRecord } from "@kelvin/bus";
import { describeBus, describeDeadLetterStore } from "@kelvin/bus/contract";
import { findNatsProblem, openNatsServer, type NatsServer } from "@kelvin/testkit/nats-server";
import { openTcpProxy } from "@kelvin/testkit/tcp-proxy";
import { connect as connectPlainly } from "nats";
import { brokerName } from "./broker-names.ts";
import { openNatsBus } from "./nats-bus.ts";
import type { NatsBus } from "./nats-bus.ts";

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

  let stores = 0;
  let storesBus: NatsBus | undefined;
  const openStore = async (bytesMax: number) => {
    storesBus ??= await open();
    return storesBus.openDeadLetterStore({ id: `dead/${stores}`, bytesMax });
  };
  describeDeadLetterStore("nats", {
    open(bytesMax) {
      stores += 1;
      return openStore(bytesMax);
    },
    openAgain: () => openStore(2_000_000),
    close: async () => storesBus?.close(),
  });

  test("a dead-letter store that could not take every record is refused", async () => {
    const bus = await open();
    await expect(bus.openDeadLetterStore({ id: "low", bytesMax: 1_000 })).rejects.toThrow(/bytesMax is 1000, but one/);
    await bus.close();
  });

  test("an acknowledgement that got lost is given again, and the record does not come back", async () => {
    const proxy = await openTcpProxy(server.port);
    const bus = await openNatsBus({ servers: [`nats://127.0.0.1:${proxy.port}`], name: "lossy", silenceMsMax: 1_500 });
    const log = await bus.openLog({ id: "lossy", partitions: 1, unfinishedBytesMax: 1_000_000 });
    const seen: HeldRecord[] = [];
    const reader = await log.openReader({ id: "a", from: "end", inFlightMax: 1, onRecord: (it) => seen.push(it) });
    await log.append({ headers: [], body: Buffer.from("1") });
    await until(() => seen.length === 1);
    proxy.setMode("hang");
    await expect(seen[0]!.finish()).rejects.toThrow(BusUnavailableError);
    // Meanwhile the server took the silence for the holder's end: what is held is not handed out again.
    proxy.setMode("pass");
    await until(() => bus.trouble === undefined);
    await finishAtLast(seen[0]!);
    expect(await log.backlog("a")).toEqual({ records: 0, oldestMs: undefined });
    await log.append({ headers: [], body: Buffer.from("2") });
    await until(() => seen.length === 2);
    expect(seen.map(({ body }) => body.toString())).toEqual(["1", "2"]);
    await reader.close();
    await bus.close();
    await proxy.close();
  }, 60_000);

  test("a reader goes on after the server could not find its consumer for a while", async () => {
    const bus = await open();
    const log = await bus.openLog({ id: "absent", partitions: 1, unfinishedBytesMax: 1_000_000 });
    const seen: string[] = [];
    const onRecord = (record: HeldRecord): void => {
      seen.push(record.body.toString());
      record.finish().catch(() => undefined);
    };
    const spec = { id: "a", from: "end", inFlightMax: 10, onRecord } as const;
    const first = await log.openReader(spec);
    await log.deleteReader("a");
    // The next request of the first handle is answered with "nobody is there".
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const second = await log.openReader({ ...spec, onRecord: (record) => record.release() });
    await second.close();
    await log.append({ headers: [], body: Buffer.from("1") });
    await until(() => seen.length === 1);
    await first.close();
    await bus.close();
  }, 60_000);

  test("a reader that is behind loses nothing to kills of the server, whatever the others have finished", async () => {
    const bus = await open();
    const log = await bus.openLog({ id: "behind", partitions: 1, unfinishedBytesMax: 10_000_000 });
    const finishing = (record: HeldRecord): void => void record.finish().catch(() => undefined);
    for (const id of ["a", "z"]) await log.openReader({ id, from: "end", inFlightMax: 10, onRecord: finishing });
    const behind = await log.openReader({ id: "m", from: "end", inFlightMax: 10, onRecord: () => undefined });
    let appended = 0;
    for (let kills = 0; kills < 3; kills += 1) {
      for (let count = 0; count < 100; count += 1) {
        await log.append({ headers: [], body: Buffer.from(String(count)) });
        appended += 1;
      }
      await server.kill();
      await server.start();
      await until(() => bus.trouble === undefined);
      expect((await log.backlog("m")).records).toBe(appended);
    }
    await behind.close();
    await bus.close();
  }, 60_000);

  test("a log that is never idle is trimmed, and kills of the server and of a holder lose nothing", async () => {
    const spec = { id: "load", partitions: 1, unfinishedBytesMax: 25_000_000 } as const;
    const body = Buffer.alloc(100_000);
    const accepted = new Set<string>();
    const finished = new Set<string>();
    const held: HeldRecord[] = [];
    const onRecord = (record: HeldRecord): void => void held.push(record);
    const connect = async () => {
      const proxy = await openTcpProxy(server.port);
      const bus = await openNatsBus({ servers: [`nats://127.0.0.1:${proxy.port}`], name: "load", silenceMsMax: 2_000 });
      const log = await bus.openLog(spec);
      await log.openReader({ id: "a", from: "end", inFlightMax: 20, onRecord });
      return { proxy, bus, log };
    };
    const finishAt = async (index: number): Promise<void> => {
      const [record] = held.splice(index, 1);
      if (record === undefined) return;
      await finishAtLast(record);
      finished.add(record.headers[1]!);
    };
    const killed = await connect();
    let { bus, log, proxy } = killed;
    for (let count = 0; count < 700; count += 1) {
      while (!(await isTaken(log, { headers: ["ce-id", String(count)], body }))) await finishAt(0);
      accepted.add(String(count));
      // Some are always in hand, and none for ever.
      while (held.length > 10) await finishAt(3);
      if (count % 50 === 0) while (held.length > 5) await finishAt(0);
      if (count === 250) {
        await server.kill();
        await server.start();
        await until(() => bus.trouble === undefined);
      }
      if (count === 450) {
        // As a kill would: what is held is not given back.
        await proxy.close();
        held.length = 0;
        ({ bus, log, proxy } = await connect());
      }
    }
    while (finished.size < accepted.size) {
      await until(() => held.length > 0);
      await finishAt(0);
    }
    expect([...finished].sort()).toEqual([...accepted].sort());
    for (const each of [killed.bus, bus]) await each.close();
    await proxy.close();
  }, 120_000);

  test.each([
    ["in bulk", { unfinishedBytesMax: 400_000_000, body: Buffer.alloc(200_000) }],
    ["one by one", { unfinishedBytesMax: 8_000_000, body: Buffer.alloc(20_000) }],
  ])(
    "trimming %s makes no reader forget what it holds",
    async (how, { unfinishedBytesMax, body }) => {
      const client = await connectPlainly({ servers: server.url });
      const manager = await client.jetstreamManager();
      const bus = await open();
      const id = how.replaceAll(" ", "-");
      const log = await bus.openLog({ id, partitions: 1, unfinishedBytesMax });
      const held: HeldRecord[] = [];
      let unfinished = 0;
      const finish = (record: HeldRecord): void => void record.finish().then(() => (unfinished -= 1), fail);
      const onRecord = (record: HeldRecord): void => {
        if (record.body.length > 0) return finish(record);
        held.push(record);
        const oldest = held.length > 3 ? held.shift() : undefined;
        if (oldest !== undefined) finish(oldest);
      };
      await log.openReader({ id: "a", from: "end", inFlightMax: 100, onRecord });
      const firstSequence = async () => (await manager.streams.info(`KELVIN-${id}`)).state.first_seq;
      const firsts = new Set<number>();
      for (let count = 0; firsts.size < 3; count += 1) {
        if (count > 1_000) throw new Error("nothing was trimmed");
        unfinished += 1;
        // Every tenth is held while thirty others come.
        await log.append({ headers: [], body: count % 10 === 0 ? Buffer.alloc(0) : body });
        await new Promise((resolve) => setTimeout(resolve, 10));
        firsts.add(await firstSequence());
      }
      await until(() => unfinished === 3);
      expect((await log.backlog("a")).records).toBe(3);
      await bus.close();
      await client.close();
    },
    60_000,
  );

  test("holders that vanish with a record are counted from its second delivery on, and who gives it back is none", async () => {
    const seen: HeldRecord[] = [];
    const connect = async () => {
      const proxy = await openTcpProxy(server.port);
      const bus = await openNatsBus({ servers: [`nats://127.0.0.1:${proxy.port}`], name: "notes", silenceMsMax: 500 });
      const log = await bus.openLog({ id: "notes", partitions: 1, unfinishedBytesMax: 1_000_000 });
      const onRecord = (record: HeldRecord): void => void seen.push(record);
      const reader = await log.openReader({ id: "a", from: "end", inFlightMax: 10, onRecord });
      return { proxy, bus, log, reader };
    };
    const first = await connect();
    await first.log.append({ headers: [], body: Buffer.from("1") });
    const lives = [first];
    const handedOut = async (): Promise<number> => {
      await until(() => seen.length === 1);
      return seen[0]!.lostHolders;
    };
    const lost: number[] = [await handedOut()];
    const note = async (): Promise<void> => void lost.push(await handedOut());
    const die = async (): Promise<void> => {
      await lives.at(-1)!.proxy.close();
      seen.length = 0;
      lives.push(await connect());
      await note();
    };
    for (let releases = 0; releases < 4; releases += 1) {
      seen.shift()!.release();
      await note();
    }
    await die();
    await die();
    // A handle that is closed gives back what it holds.
    seen.length = 0;
    await lives.at(-1)!.reader.close();
    lives.push(await connect());
    await note();
    await die();
    expect(lost).toEqual([0, 0, 0, 0, 0, 1, 2, 2, 3]);
    for (const { bus, proxy } of lives) {
      await bus.close();
      await proxy.close();
    }
  }, 60_000);

  test("a reader whose place the server lost in a kill gets what it had not finished", async () => {
    const bus = await open();
    const log = await bus.openLog({ id: "torn", partitions: 1, unfinishedBytesMax: 1_000_000 });
    const seen: string[] = [];
    const onRecord = (record: HeldRecord): void => void seen.push(record.body.toString());
    const spec = { id: "a", from: "end", inFlightMax: 10, onRecord } as const;
    await log.append({ headers: [], body: Buffer.from("before") });
    await (await log.openReader(spec)).close();
    for (const id of ["1", "2"]) await log.append({ headers: [], body: Buffer.from(id) });
    await server.kill();
    // The server rewrites these files in place, so that a kill may leave an empty one.
    const states = readdirSync(server.dataDir, { recursive: true, encoding: "utf8" }).filter(
      (path) => path.includes("torn") && path.endsWith("o.dat"),
    );
    for (const path of states) truncateSync(join(server.dataDir, path));
    await server.start();
    await until(() => bus.trouble === undefined);
    const reader = await log.openReader(spec);
    // It begins at the stream's own beginning then.
    await until(() => seen.includes("1") && seen.includes("2"));
    await reader.close();
    await bus.close();
  }, 60_000);

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

test("names at the server are legal, and two of ours never share one", () => {
  const names = ["a-b.c", "a.b-c", "a/b", "a_b", "a b", "x".repeat(300), "x".repeat(301)].map(brokerName);
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) expect(name).toMatch(/^[A-Za-z0-9_-]{1,100}$/);
});

function fail(error: unknown): never {
  throw error;
}

/** As the engine does it: again, until the server is there. */
async function finishAtLast(record: HeldRecord): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    try {
      await record.finish();
      return;
    } catch (error) {
      if (tries > 20) throw error;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

/** False when the log is full; a moment later then. */
async function isTaken(log: BusLog, record: BusRecord): Promise<boolean> {
  try {
    await log.append(record);
    return true;
  } catch (error) {
    if (!(error instanceof LogFullError)) throw error;
    await new Promise((resolve) => setTimeout(resolve, 200));
    return false;
  }
}

async function until(isSo: () => boolean): Promise<void> {
  for (let tries = 0; tries < 400 && !isSo(); tries += 1) await new Promise((resolve) => setTimeout(resolve, 50));
  expect(isSo()).toBe(true);
}
