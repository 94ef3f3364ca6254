import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { BusRefusedError, BusUnavailableError, systemClock } from "@kelvin/bus";
import type { BusLog, HeldRecord, LogSpec, ReaderSpec } from "@kelvin/bus";
import { findLastingPort } from "@kelvin/testkit/child-program";
import { findPubsubProblem, openPubsubEmulator, type PubsubEmulator } from "@kelvin/testkit/pubsub-emulator";
import { openTcpProxy, type TcpProxy } from "@kelvin/testkit/tcp-proxy";
import { subscriptionId, topicId } from "./broker-names.ts";
import { openPubsubBus, type PubsubBus } from "./pubsub-bus.ts";
import { openConnection, type PubsubConnection } from "./pubsub-connection.ts";
import { pubsubMethods } from "./pubsub-methods.ts";

jest.setTimeout(60_000);
const problem = findPubsubProblem();
const withEmulator = problem === undefined ? describe : describe.skip;
const SILENCE_MS_MAX = 10_000;
const ANSWER_MS_MAX = 1_000;

withEmulator(`on the emulator (${problem ?? "found"})`, () => {
  let emulator: PubsubEmulator;
  let proxy: TcpProxy;
  let raw: PubsubConnection;
  const opened: PubsubBus[] = [];
  beforeAll(async () => {
    emulator = await openPubsubEmulator();
    proxy = await openTcpProxy(emulator.port);
    raw = await openConnection({ projectId: "test", emulatorHost: emulator.host, name: "raw" }, systemClock);
  }, 90_000);
  afterEach(async () => {
    proxy.setMode("pass");
    for (const bus of opened.splice(0)) await bus.close();
  });
  afterAll(async () => {
    raw.close();
    await proxy.close();
    await emulator.close();
  });
  const openAt = async (emulatorHost: string, answerMsMax = ANSWER_MS_MAX): Promise<PubsubBus> => {
    const options = {
      projectId: "test",
      emulatorHost,
      name: "test",
      silenceMsMax: SILENCE_MS_MAX,
      answerMsMax,
      reading: "stream" as const,
    };
    const bus = await openPubsubBus(options);
    opened.push(bus);
    return bus;
  };
  const open = (): Promise<PubsubBus> => openAt(`127.0.0.1:${proxy.port}`);
  const openDirectly = (): Promise<PubsubBus> => openAt(emulator.host);

  describe("a service that is away", () => {
    test("cannot be opened, and that is told in seconds", async () => {
      const nobody = `127.0.0.1:${await findLastingPort()}`;
      await expect(openAt(nobody)).rejects.toThrow(BusUnavailableError);
      await expect(openAt(nobody)).rejects.toThrow(/project "test" at 127\.0\.0\.1:\d+.*ECONNREFUSED/);
      proxy.setMode("hang");
      await expect(open()).rejects.toThrow(BusUnavailableError);
    });

    test.each(["reset", "hang"] as const)(
      "fails appends in time, says so, and is back by itself (%s)",
      async (mode) => {
        const bus = await open();
        const log = await bus.openLog(spec());
        const inbox = await readInto(log, {});
        await log.append(text("before"));
        await inbox.next("before");
        proxy.setMode(mode);
        await expect(log.append(text("lost"))).rejects.toThrow(BusUnavailableError);
        expect(bus.trouble?.reason).toMatch(/Pub\/Sub/);
        proxy.setMode("pass");
        await until(() => bus.trouble === undefined);
        await log.append(text("after"));
        // After a reset the emulator gives the next message to the stream that is gone, for twenty seconds.
        if (mode === "hang") await inbox.next("after");
      },
    );

    test("a finish that is not confirmed fails, and is repeated later", async () => {
      const bus = await open();
      const log = await bus.openLog(spec());
      const inbox = await readInto(log, { keeps: true });
      await log.append(text("1"));
      const record = await inbox.next("1");
      proxy.setMode("hang");
      await expect(record.finish()).rejects.toThrow(BusUnavailableError);
      proxy.setMode("pass");
      await untilDone(() => record.finish());
      await inbox.reader.close();
      expect((await log.backlog("a")).records).toBe(0);
    });
  });

  describe("what is held", () => {
    test("stays so for longer than a lease, and through lost connections", async () => {
      const [holder, other] = [await open(), await openDirectly()];
      const logSpec = spec();
      const log = await holder.openLog(logSpec);
      const inbox = await readInto(log, { keeps: true });
      await log.append(text("long"));
      const record = await inbox.next("long");
      const elsewhere = await readInto(await other.openLog(logSpec), {});
      proxy.setMode("reset");
      proxy.setMode("pass");
      await pause(SILENCE_MS_MAX * 1.6);
      expect(elsewhere.bodies).toEqual([]);
      await record.finish();
      await inbox.reader.close();
      expect((await log.backlog("a")).records).toBe(0);
      expect(elsewhere.bodies).toEqual([]);
    });

    const inLong = process.env["KELVIN_TEST_LONG"] === "1" ? test : test.skip;
    inLong(
      "goes to another when its holder says nothing any more (only in test:long: up to 40 s of waiting)",
      async () => {
        const [holder, other] = [await open(), await openDirectly()];
        const logSpec = spec();
        const log = await holder.openLog(logSpec);
        const inbox = await readInto(log, { keeps: true });
        await log.append(text("orphan"));
        await inbox.next("orphan");
        proxy.setMode("hang");
        const elsewhere = await readInto(await other.openLog(logSpec), {});
        await elsewhere.next("orphan");
      },
    );

    test("comes again ever later when it is always given back, and others pass", async () => {
      const log = await (await openDirectly()).openLog(spec());
      let returns = 0;
      const inbox = await readInto(log, {
        onRecord(record) {
          if (bodyOf(record) === "good") return false;
          returns += 1;
          record.release();
          return true;
        },
      });
      await log.append(text("bad"));
      await until(() => returns >= 3);
      const soFar = returns;
      await pause(1_000);
      // At once it would be hundreds of times.
      expect(returns - soFar).toBeLessThan(6);
      await log.append(text("good"));
      await inbox.next("good");
    });
  });

  describe("names and settings at the service", () => {
    test("the founding names, and no two objects on one topic", async () => {
      const bus = await openDirectly();
      const unique = randomBytes(4).toString("hex");
      const log = await bus.openLog(spec(`channel/b${unique}/a-b/c`));
      await log.openReader(readerSpec({ id: `subscription/b${unique}/a-b/s` }));
      const topic = `projects/test/topics/channel-b${unique}-a-b-c`;
      await expect(raw.call(pubsubMethods.getTopic, { topic })).resolves.toMatchObject({ name: topic });
      const subscription = `projects/test/subscriptions/subscription-b${unique}-a-b-s`;
      await expect(raw.call(pubsubMethods.getSubscription, { subscription })).resolves.toMatchObject({ topic });

      const other = spec(`channel/b${unique}/a/b-c`);
      await expect(bus.openLog(other)).rejects.toThrow(/channel-b\w+-a-b-c is there and belongs to another object/);
      await expect(bus.findLog(other)).rejects.toThrow(BusRefusedError);
      await expect(bus.deleteLog(other.id)).rejects.toThrow(BusRefusedError);
      const free = await bus.openLog(spec(`channel/b${unique}/a/d`));
      const taken = readerSpec({ id: `subscription/b${unique}/a/b-s` });
      await expect(free.openReader(taken)).rejects.toThrow(/belongs to another object/);
      await expect(free.deleteReader(taken.id)).rejects.toThrow(BusRefusedError);
      // What was refused was not touched.
      await expect(raw.call(pubsubMethods.getTopic, { topic })).resolves.toMatchObject({ name: topic });
    });

    test("what somebody made by hand is taken over, but not where it would lose events", async () => {
      const bus = await openDirectly();
      const logSpec = spec();
      const topic = `projects/test/topics/${topicId(logSpec.id)}`;
      await raw.call(pubsubMethods.createTopic, { name: topic });
      const log = await bus.openLog(logSpec);
      const make = (readerId: string, settings: object): Promise<unknown> => {
        const name = `projects/test/subscriptions/${subscriptionId(logSpec.id, readerId)}`;
        return raw.call(pubsubMethods.createSubscription, { name, topic, ...settings });
      };
      await make("plain", { messageRetentionDuration: { seconds: 3_600 } });
      let held: HeldRecord | undefined;
      await log.openReader(readerSpec({ id: "plain", onRecord: (record) => void (held = record) }));
      await log.append(text("1"));
      await until(() => held !== undefined);
      expect(held).toMatchObject({ expiresAtMs: (held?.acceptedAtMs ?? 0) + 3_600_000 });
      await make("pushing", { pushConfig: { pushEndpoint: "http://127.0.0.1:1/" } });
      await expect(log.openReader(readerSpec({ id: "pushing" }))).rejects.toThrow(/it pushes to http:/);
      await make("filtered", { filter: 'attributes.a = "b"' });
      await expect(log.openReader(readerSpec({ id: "filtered" }))).rejects.toThrow(/leaves out events by the filter/);
      const deadLetterTopic = "projects/test/topics/graveyard";
      await raw.call(pubsubMethods.createTopic, { name: deadLetterTopic });
      await make("dropping", { deadLetterPolicy: { deadLetterTopic, maxDeliveryAttempts: 5 } });
      await expect(log.openReader(readerSpec({ id: "dropping" }))).rejects.toThrow(/drops events after 5 deliveries/);
      await make("elsewhere", { topic: deadLetterTopic });
      await expect(log.openReader(readerSpec({ id: "elsewhere" }))).rejects.toThrow(/it is one of .*graveyard/);
    });

    test("a topic that somebody deletes is told by name", async () => {
      const log = await (await openDirectly()).openLog(spec());
      await log.openReader(readerSpec({}));
      await raw.call(pubsubMethods.deleteTopic, { topic: `projects/test/topics/${topicId(log.id)}` });
      await expect(log.append(text("1"))).rejects.toThrow(new RegExp(`topics/${topicId(log.id)}.*not found`, "i"));
      await expect(log.openReader(readerSpec({}))).rejects.toThrow(/its topic was deleted/);
    });

    test("a subscription that somebody deletes shows as trouble", async () => {
      const bus = await openDirectly();
      const log = await bus.openLog(spec());
      await log.openReader(readerSpec({}));
      const subscription = `projects/test/subscriptions/${subscriptionId(log.id, "a")}`;
      await raw.call(pubsubMethods.deleteSubscription, { subscription });
      await until(() => bus.trouble !== undefined);
      expect(bus.trouble?.reason).toContain(subscription);
    });
  });

  test("the greatest record and the oddest headers come back as they were", async () => {
    const bus = await openAt(emulator.host, 20_000);
    const log = await bus.openLog(spec());
    const inbox = await readInto(log, { keeps: true });
    const body = randomBytes(bus.recordBytesMax - 4_000);
    const headers = ["ce-id", "1", "subject", "s".repeat(2_000), "google", "x", "", "", "kelvin-packed", "7"];
    await log.append({ headers, body });
    const record = await inbox.next();
    expect(record.headers).toEqual(headers);
    expect(record.body.equals(body)).toBe(true);
    await log.append({ headers: [], body: Buffer.alloc(0) });
    expect(await inbox.next("")).toMatchObject({ headers: [] });
  });

  test("letters outlive their process", async () => {
    const first = await openPubsubBus({ projectId: "test", emulatorHost: emulator.host, name: "first" });
    const letters = await first.openDeadLetterStore({ id: "outlive", bytesMax: 1_000 });
    const letter = { consumerId: "a/b", reason: "Rejected", detail: "d", headers: [] } as const;
    for (const body of ["1", "2"]) await letters.append({ ...letter, body: Buffer.from(body.repeat(600)) });
    expect(await letters.count("a/b")).toEqual({ letters: 1, evicted: 1 });
    await first.close();
    const again = await (await openDirectly()).openDeadLetterStore({ id: "outlive", bytesMax: 1_000 });
    await untilDone(async () => expect(await again.count("a/b")).toEqual({ letters: 1, evicted: 1 }));
    const [found] = await again.list("a/b", { limit: 2 });
    expect(found?.body.toString()).toBe("2".repeat(600));
  });
});

describe("credentials", () => {
  test.each([
    ["a file that is not there", undefined, /no-such-key\.json: .*ENOENT/],
    ["no JSON", "-----BEGIN", /is no JSON/],
    ["JSON of another kind", "{}", /has no "type"/],
    [
      "a key that is none",
      JSON.stringify({ type: "service_account", client_email: "a@b", private_key: "x", project_id: "p" }),
      /no-such-key\.json/,
    ],
  ])("%s is refused, by name", async (_, content, message) => {
    const dir = mkdtempSync(join(tmpdir(), "kelvin-pubsub-"));
    const keyFile = join(dir, "no-such-key.json");
    if (content !== undefined) writeFileSync(keyFile, content);
    const opening = openPubsubBus({ projectId: "test", keyFile, name: "test" });
    await expect(opening).rejects.toThrow(BusRefusedError);
    await expect(opening).rejects.toThrow(message);
    rmSync(dir, { recursive: true });
  });
});

function spec(id = `trouble-${randomBytes(6).toString("hex")}`): LogSpec {
  return { id, partitions: 1, unfinishedBytesMax: 10_000_000 };
}

function readerSpec(change: Partial<ReaderSpec>): ReaderSpec {
  return { id: "a", from: "end", inFlightMax: 10, onRecord: () => undefined, ...change };
}

function text(body: string): { readonly headers: string[]; readonly body: Buffer } {
  return { headers: ["ce-id", body], body: Buffer.from(body) };
}

function bodyOf(record: HeldRecord): string {
  return record.body.toString();
}

interface Inbox {
  readonly reader: { close(): Promise<void> };
  readonly bodies: string[];
  /** The next record; told its body, the first with that. */
  next(body?: string): Promise<HeldRecord>;
}

/** Finishes what comes unless it `keeps` it; `onRecord` says whether it has dealt with it. */
async function readInto(
  log: BusLog,
  { keeps = false, onRecord = () => false }: { keeps?: boolean; onRecord?: (record: HeldRecord) => boolean },
): Promise<Inbox> {
  const records: HeldRecord[] = [];
  const bodies: string[] = [];
  const reader = await log.openReader(
    readerSpec({
      onRecord(record) {
        if (onRecord(record)) return;
        records.push(record);
        bodies.push(bodyOf(record));
        if (!keeps) record.finish().catch(() => undefined);
      },
    }),
  );
  return {
    reader,
    bodies,
    async next(body) {
      const isIt = (record: HeldRecord): boolean => body === undefined || bodyOf(record) === body;
      await until(() => records.some(isIt));
      const [found] = records.splice(records.findIndex(isIt), 1);
      if (found === undefined) throw new Error("no record");
      return found;
    },
  };
}

async function until(isSo: () => boolean): Promise<void> {
  const endMs = Date.now() + 40_000;
  while (!isSo()) {
    if (Date.now() > endMs) throw new Error("it did not come to that in 40 s");
    await pause(20);
  }
}

async function untilDone(act: () => Promise<unknown>): Promise<void> {
  const endMs = Date.now() + 20_000;
  for (;;) {
    try {
      await act();
      return;
    } catch (error) {
      if (Date.now() > endMs) throw error;
      await pause(100);
    }
  }
}

function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}
