import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { BusRefusedError, BusUnavailableError, LogFullError, RecordTooLargeError } from "@kelvin/bus";
import type { BusLog, BusRecord, HeldRecord, LogSpec } from "@kelvin/bus";
import { describeBus, describeDeadLetterStore } from "@kelvin/bus/contract";
import { findKafkaProblem } from "@kelvin/testkit/kafka-jars";
import { openKafkaServer, type KafkaServer } from "@kelvin/testkit/kafka-server";
import { openTcpProxy, type TcpProxy } from "@kelvin/testkit/tcp-proxy";
import { Kafka, logLevel } from "kafkajs";
import { groupName, topicName } from "./broker-names.ts";
import { openKafkaBus, type KafkaBus } from "./kafka-bus.ts";

// A broker that shares two cores with everything else takes its time.
jest.setTimeout(60_000);
const problem = findKafkaProblem();
const withServer = problem === undefined ? describe : describe.skip;

withServer(`on a real broker (${problem ?? "found"})`, () => {
  let server: KafkaServer;
  let proxy: TcpProxy;
  beforeAll(async () => {
    const through = async (port: number): Promise<number> => {
      proxy = await openTcpProxy(port);
      return proxy.port;
    };
    server = await openKafkaServer({ through });
  }, 180_000);
  const opened: KafkaBus[] = [];
  const open = async (silenceMsMax = 5_000): Promise<KafkaBus> => {
    const bus = await openKafkaBus({ brokers: [server.address], name: "test", silenceMsMax });
    opened.push(bus);
    return bus;
  };
  afterEach(async () => {
    proxy.setMode("pass");
    for (const bus of opened.splice(0)) await bus.close();
  });
  afterAll(async () => {
    await proxy.close();
    await server.close();
  });
  const openPlain = () => openKafkaBus({ brokers: [server.directAddress], name: "contract" });
  describeBus("kafka", { open: openPlain, isDurable: true, boundsUnfinished: false });

  let stores = 0;
  let storesBus: KafkaBus | undefined;
  const openStore = async (bytesMax: number) => {
    storesBus ??= await openPlain();
    return storesBus.openDeadLetterStore({ id: `dead/${stores}`, bytesMax });
  };
  describeDeadLetterStore("kafka", {
    open(bytesMax) {
      stores += 1;
      return openStore(bytesMax);
    },
    openAgain: () => openStore(2_000_000),
    close: async () => storesBus?.close(),
  });

  describe("appends", () => {
    test("none that was confirmed is missing when answers get lost among many at once", async () => {
      const bus = await open();
      const log = await bus.openLog(spec("lossy", { partitions: 2 }));
      const confirmed: string[] = [];
      let sent = 0;
      const send = async (): Promise<void> => {
        sent += 1;
        const id = String(sent);
        await log.append(text(id, sent % 3 === 0 ? "key" : undefined)).then(
          () => confirmed.push(id),
          (error: unknown) => expect(error).toBeInstanceOf(BusUnavailableError),
        );
      };
      const load = Promise.all(
        Array.from({ length: 20 }, async () => {
          for (let count = 0; count < 60; count += 1) await send();
        }),
      );
      for (let cuts = 0; cuts < 12; cuts += 1) {
        await pause(60);
        proxy.setMode("reset");
        proxy.setMode("pass");
      }
      await load;
      expect(confirmed.length).toBeGreaterThan(200);
      const seen = new Set<string>();
      await log.openReader({ ...reader((record) => void seen.add(bodyOf(record))), from: "beginning" });
      await until(() => confirmed.every((id) => seen.has(id)));
    });

    test("records of a key keep their order through that", async () => {
      const bus = await open();
      const log = await bus.openLog(spec("ordered"));
      const confirmed: string[] = [];
      for (let count = 0; count < 40; count += 1) {
        if (count % 8 === 3) proxy.setMode("reset");
        proxy.setMode("pass");
        await log.append(text(String(count), "key")).then(() => confirmed.push(String(count)));
      }
      const seen: string[] = [];
      await log.openReader({ ...reader((record) => void seen.push(bodyOf(record))), from: "beginning" });
      await until(() => seen.includes("39"));
      const firsts = [...new Set(seen)].filter((id) => confirmed.includes(id));
      expect(firsts).toEqual(confirmed);
    });

    test("a record that only its headers make too large is refused, and holds up no other", async () => {
      const bus = await open();
      const log = await bus.openLog(spec("headers"));
      const many = Array.from({ length: 5_000 }, (_, index) => [`h${index}`, ""]).flat();
      const body = Buffer.alloc(bus.recordBytesMax - 24_000);
      const appends = [log.append({ headers: many, body }), log.append(text("1"))];
      await expect(appends[0]).rejects.toThrow(RecordTooLargeError);
      await expect(appends[1]).resolves.toBeUndefined();
    });

    test("over the bound they are refused, by sampled lag, and taken again when there is room", async () => {
      const bus = await open();
      const log = await bus.openLog(spec("bound", { unfinishedBytesMax: 50_000 }));
      const held: HeldRecord[] = [];
      await log.openReader(reader((record) => void held.push(record)));
      const large = { headers: [], body: Buffer.alloc(10_000) };
      for (let count = 0; count < 5; count += 1) await log.append(large);
      await expect(log.append(large)).rejects.toThrow(LogFullError);
      await until(() => held.length === 5);
      for (const record of held) await record.finish();
      await untilTaken(log, large);
    });
  });

  describe("readers", () => {
    test("what is finished out of order is finished, whoever reads next", async () => {
      const bus = await open();
      const log = await bus.openLog(spec("marks"));
      const held: HeldRecord[] = [];
      const first = await log.openReader(reader((record) => void held.push(record)));
      for (const id of ["1", "2", "3", "4"]) await log.append(text(id));
      await until(() => held.length === 4);
      await held[1]!.finish();
      await held[3]!.finish();
      expect((await log.backlog("a")).records).toBe(2);
      await first.close();
      await expect(held[0]!.finish()).rejects.toThrow(BusUnavailableError);
      const seen: string[] = [];
      await log.openReader(reader((record) => finishInto(seen, record)));
      await log.append(text("5"));
      await until(() => seen.includes("5"));
      expect(seen).toEqual(["1", "3", "5"]);
    });

    test("what every one of them has finished is removed, and nothing else", async () => {
      const bus = await openKafkaBus({ brokers: [server.address], name: "trim", trimMs: 200 });
      opened.push(bus);
      const log = await bus.openLog(spec("trim"));
      const slow: HeldRecord[] = [];
      await log.openReader(reader((record) => finishInto([], record)));
      await log.openReader({ ...reader((record) => void slow.push(record)), id: "b" });
      for (let id = 1; id <= 20; id += 1) await log.append(text(String(id)));
      await until(() => slow.length === 20);
      for (const record of slow.slice(0, 12)) await record.finish();
      const admin = new Kafka({ brokers: [server.directAddress], logLevel: logLevel.NOTHING }).admin();
      const low = async () => Number((await admin.fetchTopicOffsets(topicName(log.id)))[0]?.low);
      await untilAsync(async () => (await low()) > 0);
      // And no further, however often it looks.
      await pause(1_000);
      expect(await low()).toBe(12);
      expect((await log.backlog("b")).records).toBe(8);
      for (const record of slow.slice(12)) await record.finish();
      await untilAsync(async () => (await low()) === 20);
      await admin.disconnect();
    });

    test("that are idle set no timers in the past", async () => {
      const bus = await open();
      const log = await bus.openLog(spec("idle"));
      await log.openReader(reader((record) => finishInto([], record)));
      await log.append(text("1"));
      const set = globalThis.setTimeout;
      const delays: number[] = [];
      globalThis.setTimeout = Object.assign((act: () => void, delayMs?: number) => {
        delays.push(delayMs ?? 0);
        return set(act, delayMs);
      }, set);
      await new Promise((resolve) => set(resolve, 1_500));
      globalThis.setTimeout = set;
      expect(delays.filter((delayMs) => delayMs < 0)).toEqual([]);
      // It was looked at what the client does.
      expect(delays.length).toBeGreaterThan(0);
    });

    test("a slow delivery costs no membership", async () => {
      const bus = await open(1_000);
      const log = await bus.openLog(spec("slow"));
      const seen: HeldRecord[] = [];
      await log.openReader(reader((record) => void seen.push(record)));
      await log.append(text("1"));
      await until(() => seen.length === 1);
      await pause(2_500);
      await seen[0]!.finish();
      await log.append(text("2"));
      await until(() => seen.length === 2);
      expect(seen.map(bodyOf)).toEqual(["1", "2"]);
    });

    test("that come and go under load lose nothing", async () => {
      const buses = [await open(), await open(), await open()];
      const given = spec("rebalance", { partitions: 4 });
      const logs = await Promise.all(buses.map((bus) => bus.openLog(given)));
      const delivered = new Set<string>();
      const later = (record: HeldRecord): void => {
        setTimeout(() => {
          delivered.add(bodyOf(record));
          record.finish().catch(() => record.release());
        }, Math.random() * 30);
      };
      const openOne = (log: BusLog) => log.openReader(reader(later));
      const readers = [await openOne(logs[0]!)];
      let isOver = false;
      const appended: string[] = [];
      const load = (async () => {
        while (!isOver) {
          const id = String(appended.length);
          await logs[0]!.append(text(id));
          appended.push(id);
          await pause(3);
        }
      })();
      for (let turn = 0; turn < 2; turn += 1) {
        readers.push(await openOne(logs[1]!), await openOne(logs[2]!));
        await pause(300);
        await readers.shift()?.close();
        await readers.shift()?.close();
      }
      isOver = true;
      await load;
      await until(() => appended.every((id) => delivered.has(id)));
      expect(appended.length).toBeGreaterThan(50);
      const [last] = logs;
      await untilAsync(async () => (await last!.backlog("a")).records === 0);
    });
  });

  describe("a broker's kill", () => {
    test("loses nothing that was taken, and what was held comes again or can be finished", async () => {
      const bus = await open();
      const log = await bus.openLog(spec("kill"));
      const seen = new Map<string, HeldRecord>();
      const handle = await log.openReader(reader((record) => void seen.set(bodyOf(record), record)));
      for (const id of ["1", "2", "3"]) await log.append(text(id));
      await until(() => seen.size === 3);
      await seen.get("1")?.finish();

      await server.kill();
      await until(() => bus.trouble !== undefined);
      // Soon nobody waits for it any more.
      await pause(2_000);
      await expect(log.append(text("4"))).rejects.toThrow(BusUnavailableError);
      await expect(seen.get("2")?.finish()).rejects.toThrow(BusUnavailableError);
      await server.start();
      await until(() => bus.trouble === undefined);

      // As the engine does it: again, until the broker is there.
      await untilAsync(
        async () =>
          (await seen
            .get("2")
            ?.finish()
            .catch(() => "not yet")) === undefined,
      );
      await handle.close();
      seen.clear();
      await log.openReader(reader((record) => void seen.set(bodyOf(record), record)));
      await log.append(text("5"));
      await until(() => seen.has("5"));
      // The append that failed may be there or not.
      expect([...seen.keys()].filter((id) => id !== "4")).toEqual(["3", "5"]);
    }, 120_000);
  });

  describe("topics that are there", () => {
    const make = async (topic: string, numPartitions: number, settings: Record<string, string> = {}) => {
      const admin = new Kafka({ brokers: [server.directAddress], logLevel: logLevel.NOTHING }).admin();
      const configEntries = Object.entries(settings).map(([name, value]) => ({ name, value }));
      await admin.createTopics({ topics: [{ topic, numPartitions, configEntries }] });
      await admin.disconnect();
    };

    test("are taken over with their own number of partitions and limits", async () => {
      await make("default.orders", 3, { "max.message.bytes": "20000" });
      const bus = await open();
      const log = await bus.openLog({ ...spec(""), id: "default.orders" });
      const seen: string[] = [];
      await log.openReader(reader((record) => finishInto(seen, record)));
      for (const id of ["1", "2", "3", "4"]) await log.append(text(id));
      await until(() => seen.length === 4);
      expect((await log.ends()).split(",").length).toBe(3);
      await expect(log.append({ headers: [], body: Buffer.alloc(20_000) })).rejects.toThrow(RecordTooLargeError);
    });

    test.each([
      [{ "cleanup.policy": "compact" }, 1, /cleanup.policy is "compact".*set it to "delete"/],
      [{}, 2, /has 1 of 2 partitions; ask for as many/],
    ])("are refused when they do not keep what is promised: %j, %d", async (settings, partitions, said) => {
      const id = `there-${partitions}`;
      await make(id, 1, settings);
      const bus = await open();
      await expect(bus.openLog({ ...spec(""), id, partitions })).rejects.toThrow(BusRefusedError);
      await expect(bus.openLog({ ...spec(""), id, partitions })).rejects.toThrow(said);
    });
  });

  describe("what is wrong is said", () => {
    test("settings that are not known, or make no sense", async () => {
      const bus = await open();
      const refused = (settings: Record<string, string>) => bus.openLog(spec("settings", { settings }));
      await expect(refused({ replica: "3" })).rejects.toThrow(/setting "replica" is not known/);
      await expect(refused({ replicas: "many" })).rejects.toThrow(/replicas is "many"/);
      await expect(refused({ replicas: "3" })).rejects.toThrow(BusRefusedError);
    });

    test("a dead-letter store that could not take every record", async () => {
      const bus = await open();
      await expect(bus.openDeadLetterStore({ id: "low", bytesMax: 1_000 })).rejects.toThrow(
        /bytesMax is 1000, but one/,
      );
    });
  });
});

test("names at the broker are legal, and two of ours never share one", () => {
  const names = ["a/b", "a-b", "a b", "ä", ".", "..", "x".repeat(300), "x".repeat(301)].map((name) => topicName(name));
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) expect(name).toMatch(/^[A-Za-z0-9._-]{1,249}$/);
  for (const name of names) expect(name).not.toMatch(/^\.{1,2}$/);
  expect(topicName("default.my-channel")).toBe("default.my-channel");
  expect(groupName("kafka.default.", "my-subscription")).toBe("kafka.default.my-subscription");
});

function spec(id: string, change: Partial<LogSpec> = {}): LogSpec {
  return { id: `test-${id}`, partitions: 1, unfinishedBytesMax: 10_000_000, ...change };
}

function text(body: string, key?: string): BusRecord {
  return { headers: ["ce-id", body], body: Buffer.from(body), ...(key === undefined ? {} : { key }) };
}

function reader(onRecord: (record: HeldRecord) => void) {
  return { id: "a", from: "end", inFlightMax: 10_000, onRecord } as const;
}

function bodyOf(record: BusRecord): string {
  return record.body.toString();
}

function finishInto(seen: string[], record: HeldRecord): void {
  seen.push(bodyOf(record));
  record.finish().catch(() => undefined);
}

async function untilTaken(log: BusLog, record: BusRecord): Promise<void> {
  await untilAsync(async () => {
    const failure = await log.append(record).catch((error: unknown) => error);
    if (failure !== undefined && !(failure instanceof LogFullError)) throw new Error("not taken", { cause: failure });
    return failure === undefined;
  });
}

function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}

async function until(isSo: () => boolean): Promise<void> {
  await untilAsync(() => Promise.resolve(isSo()));
}

async function untilAsync(isSo: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 400; tries += 1) {
    if (await isSo()) return;
    await pause(50);
  }
  expect(await isSo()).toBe(true);
}
