import { describe, expect, test } from "@jest/globals";
import { BusRefusedError, LogFullError, RecordTooLargeError } from "../bus.ts";
import type { Bus, BusLog } from "../bus.ts";
import { makeVirtualTime } from "../simulator/virtual-time.ts";
import { makeMemoryDeadLetterStore } from "../stub/memory-dead-letter-store.ts";
import { openStubBus } from "../stub/stub-bus.ts";
import { makeConsumer } from "./consumer.fixture.ts";
import type { DeadLetterStore } from "./dead-letter-store.ts";
import type { SendOutcome } from "./sender.ts";
import { openStreamDelivery } from "./stream-delivery.ts";

const CONSUMER = makeConsumer("c", { uid: "u", subscriber: { url: "http://subscriber" } });

interface World {
  /** What the log of a step says to each append. */
  readonly refusal?: () => Error;
  /** What the subscriber answers, and after how long. */
  readonly answer?: { readonly status: number; readonly afterMs: number };
  readonly keeps?: (store: DeadLetterStore) => DeadLetterStore;
}

/** Delivers one event to a subscriber that is ill, on a bus that lets nothing wait. */
async function deliver({ refusal, answer = { status: 500, afterMs: 0 }, keeps = (store) => store }: World) {
  const time = makeVirtualTime();
  const store = makeMemoryDeadLetterStore({ bytesMax: 1_000_000, clock: time });
  const told: string[] = [];
  const delivery = await openStreamDelivery(
    refusingSteps(openStubBus({ clock: time }), refusal),
    {
      log: { id: "s", partitions: 1, unfinishedBytesMax: 1_000_000 },
      reading: "shared",
      handoffMs: 1_000,
      inFlightMax: 10,
    },
    {
      clock: time,
      random: () => 0,
      sender: {
        send: () =>
          new Promise<SendOutcome>((resolve) => {
            const outcome = { kind: "answered", status: answer.status, headers: [], body: Buffer.alloc(0) } as const;
            time.setTimer(() => resolve(outcome), answer.afterMs);
          }),
      },
      deadLetters: keeps(store),
      stream: { privateAttributes: [], acceptReply: () => Promise.resolve() },
      note: () => undefined,
      onFault: (error) => told.push(String(error)),
    },
  );
  await delivery.setConsumers([CONSUMER]);
  const headers = ["ce-specversion", "1.0", "ce-id", "1", "ce-source", "/s", "ce-type", "t"];
  await delivery.log.append({ headers, body: Buffer.from("data") });
  await time.runUntil(1_000_000);
  const waiting = (await delivery.log.backlog("broker")).records;
  return { letters: await store.list("c", { limit: 10 }), waiting, told };
}

function refusingSteps(bus: Bus, refusal: (() => Error) | undefined): Bus {
  const refuse = (log: BusLog): BusLog => ({
    ...log,
    append: (record) => (refusal === undefined ? log.append(record) : Promise.reject(refusal())),
  });
  return {
    ...bus,
    trouble: undefined,
    openLog: async (spec) => {
      const log = await bus.openLog(spec);
      return spec.id.includes(".step") ? refuse(log) : log;
    },
  };
}

describe("an event that the bus does not let wait", () => {
  test.each<[string, () => Error, { reason: string; detail: string }]>([
    ["too large", () => new RecordTooLargeError("9 bytes"), { reason: "NotParked", detail: "9 bytes" }],
    ["refused", () => new BusRefusedError("permissions violation"), { reason: "NotParked", detail: "permissions" }],
    ["no room", () => new LogFullError("as much waits"), { reason: "BacklogFull", detail: "as much waits" }],
  ])("%s: is in the store, with the reason, and held no longer", async (_, refusal, { reason, detail }) => {
    const { letters, waiting } = await deliver({ refusal });
    expect(letters).toMatchObject([{ reason }]);
    expect(letters[0]?.detail).toContain(detail);
    expect(letters[0]?.body.toString()).toBe("data");
    expect(waiting).toBe(0);
  });

  test("ends as the attempt does that runs when it is to be handed off", async () => {
    const refusal = (): Error => new RecordTooLargeError("9 bytes");
    const { letters, waiting } = await deliver({ refusal, answer: { status: 202, afterMs: 3_000 } });
    expect([letters, waiting]).toEqual([[], 0]);
  });
});

describe("a store that does not take the event", () => {
  const refuseOnce = (refuse: (body: Buffer) => Error | undefined) => (store: DeadLetterStore) => ({
    ...store,
    append: (letter: Parameters<DeadLetterStore["append"]>[0]) => {
      const refusal = refuse(letter.body);
      return refusal === undefined ? store.append(letter) : Promise.reject(refusal);
    },
  });

  test("whole: gets what it was without the body, and that is said and told", async () => {
    const keeps = refuseOnce((body) => (body.length > 0 ? new RecordTooLargeError("too many bytes") : undefined));
    const { letters, waiting, told } = await deliver({ answer: { status: 400, afterMs: 0 }, keeps });
    expect(letters).toMatchObject([{ reason: "TooLargeToKeep", consumerId: "c" }]);
    expect(letters[0]?.detail).toContain("Rejected; its body of 4 bytes is not kept: too many bytes");
    expect(letters[0]?.headers).toContain("ce-id");
    expect([waiting, told]).toEqual([0, ["RecordTooLargeError: too many bytes"]]);
  });

  test("for now: gets it when somebody has mended that", async () => {
    let refusals = 5;
    const keeps = refuseOnce(() => (refusals-- > 0 ? new BusRefusedError("permissions violation") : undefined));
    const { letters, waiting } = await deliver({ answer: { status: 400, afterMs: 0 }, keeps });
    expect(letters).toMatchObject([{ reason: "Rejected" }]);
    expect(waiting).toBe(0);
  });
});
