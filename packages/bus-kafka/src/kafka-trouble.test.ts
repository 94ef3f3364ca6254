import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { BusRefusedError, BusUnavailableError } from "@kelvin/bus";
import type { Bus, BusLog, BusRecord, HeldRecord } from "@kelvin/bus";
import { findKafkaProblem } from "@kelvin/testkit/kafka-jars";
import { kafkaLogin, openKafkaServer, type KafkaServer } from "@kelvin/testkit/kafka-server";
import { issueCertificates } from "@kelvin/x509";
import { Kafka, logLevel } from "kafkajs";
import { openKafkaBus } from "./kafka-bus.ts";
import type { KafkaOptions } from "./kafka-connection.ts";

// A broker that shares two cores with everything else takes its time.
jest.setTimeout(120_000);
const problem = findKafkaProblem();
const withServer = problem === undefined ? describe : describe.skip;
const { ca, serving } = issueCertificates({
  now: new Date(),
  authority: { name: "kafka-ca", days: 2 },
  serving: { name: "kafka", days: 1, names: ["localhost"], addresses: ["127.0.0.1"] },
});
const credentials = { mechanism: "plain", ...kafkaLogin } as const;

interface Said {
  readonly kind: typeof BusUnavailableError | typeof BusRefusedError;
  readonly text: RegExp;
}

/** Whoever has asked must know by then: two seconds on a quiet machine. */
const SECONDS = 30_000;

withServer(`what is wrong is said, and names are kept (${problem ?? "found"})`, () => {
  let server: KafkaServer;
  beforeAll(async () => {
    server = await openKafkaServer({ tls: serving });
  }, 180_000);
  const opened: Bus[] = [];
  const open = async (change: Partial<KafkaOptions>): Promise<Bus> => {
    const bus = await openKafkaBus({ brokers: [server.address], name: "test", ...change });
    opened.push(bus);
    return bus;
  };
  afterEach(async () => {
    for (const bus of opened.splice(0)) await bus.close();
  });
  afterAll(() => server.close());
  const guarded = (change: object) => ({
    brokers: [server.guardedAddress],
    credentials: { ...credentials, ...change },
  });

  test.each<[string, () => Partial<KafkaOptions>, Said]>([
    [
      "nobody there",
      () => ({ brokers: ["127.0.0.1:1"] }),
      { kind: BusUnavailableError, text: /^127\.0\.0\.1:1: .*ECONNREFUSED/ },
    ],
    ["no such name", () => ({ brokers: ["kafka.invalid:1"] }), { kind: BusUnavailableError, text: /kafka\.invalid/ }],
    [
      "a wrong password",
      () => guarded({ password: "wrong" }),
      { kind: BusRefusedError, text: /Invalid username or password/ },
    ],
    [
      "another mechanism",
      () => guarded({ mechanism: "scram-sha-256" }),
      { kind: BusRefusedError, text: /SASL mechanism/ },
    ],
    [
      "no credentials where they are asked for",
      () => ({ brokers: [server.guardedAddress] }),
      {
        kind: BusUnavailableError,
        text: /Closed connection; perhaps it speaks TLS at that port, or wants credentials/,
      },
    ],
    ["credentials where none are asked for", () => ({ credentials }), { kind: BusRefusedError, text: /SASL state/ }],
    [
      "TLS to a plain port",
      () => ({ tls: true }),
      { kind: BusUnavailableError, text: /; perhaps it does not speak TLS at that port$/ },
    ],
    [
      "plain words to a port of TLS",
      () => ({ brokers: [server.secureAddress ?? ""] }),
      { kind: BusUnavailableError, text: /; perhaps it speaks TLS at that port/ },
    ],
    [
      "a certificate that nobody vouches for",
      () => ({ brokers: [server.secureAddress ?? ""], tls: true }),
      { kind: BusUnavailableError, text: /unable to verify the first certificate/ },
    ],
    [
      "a prefix that no topic may have",
      () => ({ topicPrefix: "a/b" }),
      { kind: BusRefusedError, text: /topic prefix "a\/b"/ },
    ],
  ])(
    "%s",
    async (_, change, { kind, text }) => {
      const error = await open(change()).catch((failure: unknown) => failure);
      expect(error).toBeInstanceOf(kind);
      expect(String((error as Error).message)).toMatch(text);
      expect(String((error as Error).message)).not.toContain(kafkaLogin.password);
    },
    SECONDS,
  );

  test("with the right credentials, or the right certificate, events come through", async () => {
    await sendOne(await open(guarded({})), "guarded");
    await sendOne(await open({ brokers: [server.secureAddress ?? ""], tls: { ca: ca.cert } }), "secure");
    // What was given is not written into: a client keeps what knows the password there.
    expect(Object.keys(credentials)).toEqual(["mechanism", "username", "password"]);
  });

  test("a broker that goes away is told at once, and taken again when it is back", async () => {
    const bus = await open({});
    const log = await bus.openLog(spec("away"));
    await log.append(record("1"));
    await server.kill();
    await until(() => bus.trouble !== undefined);
    expect(bus.trouble?.reason).toMatch(/ECONNREFUSED|Closed connection/);
    await expect(log.append(record("2"))).rejects.toThrow(BusUnavailableError);
    await expect(bus.openLog(spec("other"))).rejects.toThrow(BusUnavailableError);
    await server.start();
    await until(() => bus.trouble === undefined);
    await log.append(record("3"));
    await bus.openLog(spec("other"));
  }, 300_000);

  test("a topic that somebody removes is said to whoever appends, and made again by who opens the log", async () => {
    const bus = await open({});
    const log = await bus.openLog(spec("removed"));
    await log.append(record("1"));
    await bus.deleteLog("test-removed");
    await expect(log.append(record("2"))).rejects.toThrow(
      new BusUnavailableError("test-removed: This server does not host this topic-partition, for 5000 ms"),
    );
    await bus.openLog(spec("removed"));
    await log.append(record("3"));
  });

  test("a broker that advertises loopback is reached by its machine's name, with its own certificate", async () => {
    const open = (loopbackHost: string, change: Partial<KafkaOptions>) =>
      openKafkaBus({ brokers: [server.address], name: "t", loopbackHost, ...change });
    // Nobody is there: so this is where it looks for it.
    await expect(open("127.0.0.2", {})).rejects.toThrow(/127\.0\.0\.2/);
    const secure = { brokers: [server.secureAddress ?? ""], tls: { ca: ca.cert } };
    for (const change of [{}, secure]) {
      const bus = await open("localhost", change);
      await sendOne(bus, "loopback");
      await bus.close();
    }
  });

  test("v0.1's names are exactly those, behind the prefix", async () => {
    const settings = { groupPrefix: "kafka." };
    const given = { ...spec(""), id: "shop.orders", partitions: 2, settings };
    for (const topicPrefix of ["", "team-a."]) {
      const bus = await openKafkaBus({ brokers: [server.address], name: "t", topicPrefix });
      const log = await bus.openLog(given);
      await (
        await log.openReader({ id: "shop.mail", from: "end", inFlightMax: 10, onRecord: () => undefined })
      ).close();
      const store = await bus.openDeadLetterStore({ id: "kafka", bytesMax: 2_000_000 });
      expect(await store.count("x")).toEqual({ letters: 0, evicted: 0 });
      await bus.close();
    }
    const { topics, groups } = await listAll(server);
    expect(topics).toEqual(["kelvin-dead-kafka", "shop.orders", "team-a.kelvin-dead-kafka", "team-a.shop.orders"]);
    expect(groups).toEqual(["kafka.shop.mail", "team-a.kafka.shop.mail"]);
  });

  test("a record says when a topic with a retention drops it, and a log how old what waits is", async () => {
    const bus = await openKafkaBus({ brokers: [server.address], name: "t" });
    await makeTopic(server, "test-week", { "retention.ms": "604800000" });
    const week = await bus.openLog(spec("week"));
    await week.append(record("1"));
    const held = await readOne(week);
    const { acceptedAtMs, expiresAtMs } = held;
    expect(expiresAtMs).toBe(acceptedAtMs + 604_800_000);
    expect(await week.backlog("a")).toEqual({ records: 1, oldestMs: acceptedAtMs });
    await held.finish();
    expect(await week.backlog("a")).toEqual({ records: 0, oldestMs: undefined });
    // Ours keep what is not finished.
    const ours = await bus.openLog(spec("ours"));
    await ours.append(record("1"));
    expect((await readOne(ours)).expiresAtMs).toBeUndefined();
    await bus.close();
  });

  test("a topic that is there and drops records by size is refused", async () => {
    const bus = await openKafkaBus({ brokers: [server.address], name: "t" });
    await makeTopic(server, "test-size", { "retention.bytes": "1000000" });
    await expect(bus.openLog(spec("size"))).rejects.toThrow(
      'retention.bytes is "1000000", so that it drops the oldest records, delivered or not; set it to "-1"',
    );
    await bus.close();
  });

  test("a topic that is there with fewer replicas than asked for is refused", async () => {
    const bus = await openKafkaBus({ brokers: [server.address], name: "t" });
    await bus.openLog(spec("copies", { replicas: "1" }));
    await expect(bus.openLog(spec("copies", { replicas: "3" }))).rejects.toThrow(
      "test-copies: topic test-copies is there, but has 1 of 3 replicas; ask for as many as it has",
    );
    await bus.close();
  });
});

/** As somebody else would. */
async function makeTopic(server: KafkaServer, topic: string, config: Record<string, string>): Promise<void> {
  const admin = new Kafka({ brokers: [server.directAddress], logLevel: logLevel.NOTHING }).admin();
  const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }));
  await admin.createTopics({ topics: [{ topic, numPartitions: 1, configEntries }] });
  await admin.disconnect();
}

function spec(id: string, settings: Record<string, string> = {}) {
  return { id: `test-${id}`, partitions: 1, unfinishedBytesMax: 10_000_000, settings };
}

function record(body: string): BusRecord {
  return { headers: ["ce-id", body], body: Buffer.from(body) };
}

/** From one end to the other. */
async function sendOne(bus: Bus, id: string): Promise<void> {
  const log = await bus.openLog(spec(id));
  const seen: string[] = [];
  await log.openReader({
    id: "a",
    from: "end",
    inFlightMax: 10,
    onRecord(held) {
      seen.push(held.body.toString());
      held.finish().catch(() => undefined);
    },
  });
  await log.append(record("1"));
  await until(() => seen.length > 0);
}

async function listAll(server: KafkaServer): Promise<{ readonly topics: string[]; readonly groups: string[] }> {
  const admin = new Kafka({ brokers: [server.directAddress], logLevel: logLevel.NOTHING }).admin();
  const { groups } = await admin.listGroups();
  const topics = await admin.listTopics();
  await admin.disconnect();
  const isOurs = (name: string): boolean => /shop|kelvin-dead/.test(name) && !name.includes("/");
  return {
    topics: topics.filter(isOurs).sort(),
    groups: groups
      .map(({ groupId }) => groupId)
      .filter(isOurs)
      .sort(),
  };
}

/** The one that comes, held. */
async function readOne(log: BusLog): Promise<HeldRecord> {
  const held: HeldRecord[] = [];
  const onRecord = (one: HeldRecord): void => void held.push(one);
  await log.openReader({ id: "a", from: "beginning", inFlightMax: 10, onRecord });
  await until(() => held.length === 1);
  return held[0] ?? Promise.reject(new Error("none came"));
}

async function until(isSo: () => boolean): Promise<void> {
  for (let tries = 0; tries < 1_200 && !isSo(); tries += 1) await new Promise((resolve) => setTimeout(resolve, 50));
  expect(isSo()).toBe(true);
}
