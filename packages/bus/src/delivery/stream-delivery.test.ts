import { describe, expect, test } from "@jest/globals";
import { BusRefusedError } from "../bus.ts";
import type { Bus, BusLog, LogSpec } from "../bus.ts";
import { makeVirtualTime } from "../simulator/virtual-time.ts";
import { makeMemoryDeadLetterStore } from "../stub/memory-dead-letter-store.ts";
import { openStubBus } from "../stub/stub-bus.ts";
import { makeConsumer } from "./consumer.fixture.ts";
import type { Consumer } from "./consumer.ts";
import { deleteStream, openStreamDelivery } from "./stream-delivery.ts";
import type { Reading, StreamDeliverySpec } from "./stream-delivery.ts";

const consumer = (id: string): Consumer =>
  makeConsumer(id, {
    retryPolicy: { retry: 3, backoff: { policy: "linear", delayMs: 20_000 }, timeoutMs: 5_000 },
  });
const event = {
  headers: ["ce-specversion", "1.0", "ce-id", "1", "ce-source", "/s", "ce-type", "t"],
  body: Buffer.from("data"),
};

interface Changes extends Partial<StreamDeliverySpec> {
  /** Of an earlier life. */
  readonly time?: ReturnType<typeof makeVirtualTime>;
  readonly bus?: Bus;
}

/** A stream whose subscribers answer 200, but `ill`, which answers 500 until it is told otherwise. */
async function open(
  reading: Reading,
  lostHolders = 0,
  { time = makeVirtualTime(), bus: given, ...changes }: Changes = {},
) {
  const opened: LogSpec[] = [];
  const bus = given ?? noteLogs(withLostHolders(openStubBus({ clock: time }), lostHolders), opened);
  const sent: string[] = [];
  const log = { id: "s", partitions: 1, unfinishedBytesMax: 1_000_000 };
  const letters = makeMemoryDeadLetterStore({ bytesMax: 1_000_000, clock: time });
  const answers = { ill: 500 };
  const delivery = await openStreamDelivery(
    bus,
    { log, reading, handoffMs: 1_000, inFlightMax: 10, ...changes },
    {
      clock: time,
      random: () => 0,
      sender: {
        send({ consumerId }) {
          sent.push(consumerId);
          const status = consumerId === "ill" ? answers.ill : 200;
          return Promise.resolve({ kind: "answered", status, headers: [], body: Buffer.alloc(0) });
        },
      },
      deadLetters: letters,
      stream: { privateAttributes: [], acceptReply: () => Promise.resolve() },
      note: () => undefined,
      onFault: (error) => {
        throw error;
      },
    },
  );
  return { time, bus, log, delivery, sent, letters, answers, opened };
}

describe.each<Reading>(["shared", "each"])("a stream that is read by %s", (reading) => {
  test("delivers nothing while it is paused, to new consumers neither, and goes on", async () => {
    const { time, delivery, sent } = await open(reading);
    await delivery.setConsumers([consumer("a")]);
    delivery.pause();
    await delivery.setConsumers([consumer("a"), consumer("b")]);
    await delivery.log.append(event);
    await time.runUntil(60_000);
    expect([sent, await delivery.unfinished()]).toEqual([[], reading === "shared" ? 1 : 2]);
    delivery.resume();
    await time.runUntil(61_000);
    expect([sent.sort(), await delivery.unfinished()]).toEqual([["a", "b"], 0]);
  });

  test("counts what waits for another attempt, and leaves nothing when it is deleted", async () => {
    const { time, bus, log, delivery } = await open(reading);
    await delivery.setConsumers([consumer("ill")]);
    await delivery.log.append(event);
    await time.runUntil(5_000);
    expect(await delivery.unfinished()).toBe(1);
    await delivery.close(0);
    await deleteStream(bus, log.id);
    await deleteStream(bus, log.id);
    const left = [log.id, `${log.id}.step0`].map((id) => bus.findLog({ ...log, id }));
    expect(await Promise.all(left)).toEqual([undefined, undefined]);
  });

  test("puts a dead letter back to its own consumer, as if it had just come, and out of the store", async () => {
    const { time, delivery, sent, letters, answers } = await open(reading);
    answers.ill = 400;
    await delivery.setConsumers([consumer("ill"), consumer("a")]);
    await delivery.log.append(event);
    await time.runUntil(1_000);
    const [letter] = await letters.list("ill", { limit: 1 });
    expect(sent.splice(0).sort()).toEqual(["a", "ill"]);
    answers.ill = 200;
    expect(await delivery.redrive(letter!)).toBe("redriven");
    await time.runUntil(2_000);
    expect(sent).toEqual(["ill"]);
    expect(await letters.count("ill")).toEqual({ letters: 0, evicted: 0 });
    expect(await delivery.unfinished()).toBe(0);
  });

  test("puts back no letter without its body, nor one of a consumer that is not here", async () => {
    const { delivery, letters } = await open(reading);
    await delivery.setConsumers([consumer("a")]);
    const { headers } = event;
    for (const consumerId of ["a", "gone"]) {
      const reason = consumerId === "a" ? "TooLargeToKeep" : "Rejected";
      await letters.append({ consumerId, reason, detail: "", headers, body: Buffer.alloc(0) });
    }
    const [cut] = await letters.list("a", { limit: 1 });
    const [other] = await letters.list("gone", { limit: 1 });
    expect([await delivery.redrive(cut!), await delivery.redrive(other!)]).toEqual(["not-whole", "unknown-consumer"]);
    expect([(await letters.count("a")).letters, (await letters.count("gone")).letters]).toEqual([1, 1]);
  });

  test("sets an event aside that three processes held when they ended", async () => {
    const { time, delivery, sent, letters } = await open(reading, 3);
    await delivery.setConsumers([consumer("a")]);
    await delivery.log.append(event);
    await time.runUntil(1_000);
    expect(sent).toEqual([]);
    expect(await letters.list("a", { limit: 2 })).toMatchObject([{ reason: "Poison" }]);
    const calm = await open(reading, 2);
    await calm.delivery.setConsumers([consumer("a")]);
    await calm.delivery.log.append(event);
    await calm.time.runUntil(1_000);
    expect(calm.sent).toEqual(["a"]);
  });
});

describe("a consumer of a stream that is read by each", () => {
  test.each([
    ["with what comes from now on, unless it says otherwise", undefined, ["a"]],
    ["with what comes from now on", "end", ["a"]],
    ["with everything that the log holds", "beginning", ["a", "b"]],
  ] as const)("begins %s", async (_, from, expected) => {
    const { time, delivery, sent } = await open("each");
    // Waits in place, and so keeps the event in the log.
    const retryPolicy = { retry: 3, backoff: { policy: "linear", delayMs: 9_000 }, timeoutMs: 5_000 } as const;
    const [ill, a] = [{ ...consumer("ill"), retryPolicy }, consumer("a")];
    await delivery.setConsumers([ill, a]);
    await delivery.log.append(event);
    await time.runUntil(1_000);
    await delivery.setConsumers([ill, a, { ...consumer("b"), ...(from && { from }) }]);
    await time.runUntil(2_000);
    expect(sent.filter((id) => id !== "ill").sort()).toEqual(expected);
  });
});

test("a consumer that the bus refuses a reader is told of, tried again, and let go; the others are served", async () => {
  const made = await open("each");
  const { log, bus, time } = made;
  let isRefusing = true;
  const refuse = async (id: string): Promise<void> => {
    await Promise.resolve();
    if (id === "taken" && isRefusing) throw new BusRefusedError("it is another's");
  };
  const picky = (opened: BusLog): BusLog => ({
    ...opened,
    openReader: (spec) => refuse(spec.id).then(() => opened.openReader(spec)),
    deleteReader: (id) => refuse(id).then(() => opened.deleteReader(id)),
  });
  const pickyBus = { ...bus, trouble: undefined, openLog: async (spec: LogSpec) => picky(await bus.openLog(spec)) };
  const { delivery, sent } = await open("each", 0, { log, time, bus: pickyBus });
  const all = [consumer("taken"), consumer("a")];
  expect(await delivery.setConsumers(all)).toMatchObject([{ id: "taken", error: { message: "it is another's" } }]);
  await delivery.log.append(event);
  await time.runUntil(1_000);
  expect(sent).toEqual(["a"]);
  expect(await delivery.setConsumers([consumer("a")])).toEqual([]);
  await delivery.setConsumers(all);
  isRefusing = false;
  expect(await delivery.setConsumers(all)).toEqual([]);
  await delivery.log.append(event);
  await time.runUntil(2_000);
  expect(sent.sort()).toEqual(["a", "a", "taken"]);
});

test("a consumer that is suspended has no reader until it is known where that begins", async () => {
  const { time, delivery, sent } = await open("each");
  const retryPolicy = { retry: 3, backoff: { policy: "linear", delayMs: 9_000 }, timeoutMs: 5_000 } as const;
  const ill = { ...consumer("ill"), retryPolicy };
  await delivery.setConsumers([ill]);
  await delivery.log.append(event);
  await delivery.setConsumers([ill, { ...consumer("b"), isSuspended: true }]);
  await time.runUntil(1_000);
  expect(sent).toEqual(["ill"]);
  await delivery.setConsumers([ill, { ...consumer("b"), from: "beginning" }]);
  await time.runUntil(2_000);
  expect(sent).toEqual(["ill", "b"]);
});

test("a consumer that is suspended keeps what waits for it, and goes on", async () => {
  const { time, bus, delivery, sent } = await open("each");
  await delivery.setConsumers([consumer("ill")]);
  await delivery.log.append(event);
  await time.runUntil(5_000);
  await delivery.close(0);
  expect(sent).toEqual(["ill"]);
  const next = await open("each", 0, { time, bus });
  next.answers.ill = 200;
  const suspended = { ...consumer("ill"), subscriber: undefined, isSuspended: true };
  await next.delivery.setConsumers([suspended]);
  await next.delivery.log.append(event);
  await time.runUntil(40_000);
  expect(next.sent).toEqual([]);
  await next.delivery.setConsumers([consumer("ill")]);
  await time.runUntil(200_000);
  expect([next.sent.length, await next.delivery.unfinished()]).toEqual([2, 0]);
});

describe("step logs with a name of their own", () => {
  test("stand beside a log that is called as others' would be, and go with their stream", async () => {
    const settings = { groupPrefix: "mine" };
    const { time, bus, log, delivery } = await open("each", 0, { stepsId: "other", stepsSettings: settings });
    const namesake = { ...log, id: `${log.id}.step0` };
    await bus.openLog(namesake);
    await delivery.setConsumers([consumer("ill")]);
    await delivery.log.append(event);
    await time.runUntil(15_000);
    const find = async (id: string) => (await bus.findLog({ ...log, id })) !== undefined;
    expect([await find("s"), await find("other.step1"), await find("s.step1")]).toEqual([true, true, false]);
    await delivery.close(0);
    await deleteStream(bus, log.id, "other");
    expect([await find("s"), await find("other.step1"), await find(namesake.id)]).toEqual([false, false, true]);
  });

  test("have settings of their own", async () => {
    const log = { id: "s", partitions: 3, unfinishedBytesMax: 1_000_000, settings: { groupPrefix: "bus." } };
    const { time, delivery, opened } = await open("each", 0, { log, stepsSettings: { replicas: "3" } });
    await delivery.setConsumers([consumer("ill")]);
    await delivery.log.append(event);
    await time.runUntil(15_000);
    expect(opened).toEqual([log, { ...log, id: "s.step1", partitions: 1, settings: { replicas: "3" } }]);
  });
});

/** A bus whose records come with a history. */
function withLostHolders(bus: Bus, lostHolders: number): Bus {
  const change = (log: BusLog): BusLog => ({
    ...log,
    openReader: (spec) => log.openReader({ ...spec, onRecord: (record) => spec.onRecord({ ...record, lostHolders }) }),
  });
  return { ...bus, trouble: undefined, openLog: async (spec) => change(await bus.openLog(spec)) };
}

/** A bus that notes what logs are asked for. */
function noteLogs(bus: Bus, opened: LogSpec[]): Bus {
  return {
    ...bus,
    trouble: undefined,
    openLog(spec) {
      opened.push(spec);
      return bus.openLog(spec);
    },
  };
}

test("a broker that has forgotten its reader's place costs no event that a consumer has not had", async () => {
  const { time, bus, log, delivery, sent } = await open("shared");
  const kept = await bus.openLog(log);
  // As long as somebody reads it a log keeps its records.
  await kept.openReader({ id: "other", from: "end", inFlightMax: 10, onRecord: () => undefined });
  await kept.append(event);
  const since = await kept.ends();
  await kept.append(event);
  await delivery.setConsumers([{ ...consumer("a"), since }]);
  await time.runUntil(60_000);
  expect(sent).toEqual(["a"]);
});
