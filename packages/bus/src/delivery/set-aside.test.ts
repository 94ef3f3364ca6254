import { expect, test } from "@jest/globals";
import type { Bus, BusLog } from "../bus.ts";
import { makeVirtualTime } from "../simulator/virtual-time.ts";
import { makeMemoryDeadLetterStore } from "../stub/memory-dead-letter-store.ts";
import { openStubBus } from "../stub/stub-bus.ts";
import { makeConsumer } from "./consumer.fixture.ts";
import { openStreamDelivery } from "./stream-delivery.ts";
import type { Reading } from "./stream-delivery.ts";

const event = {
  headers: ["ce-specversion", "1.0", "ce-id", "1", "ce-source", "/s", "ce-type", "t"],
  body: Buffer.from("data"),
};
const HOUR_MS = 3_600_000;

/** One event that was read after so long, by a consumer that takes all, from a broker that keeps records for so long. */
async function readLate(reading: Reading, { lifeMs, afterMs }: { readonly lifeMs: number; readonly afterMs: number }) {
  const time = makeVirtualTime();
  const sent: string[] = [];
  const notes: string[] = [];
  const letters = makeMemoryDeadLetterStore({ bytesMax: 1_000_000, clock: time });
  const delivery = await openStreamDelivery(
    withRetention(openStubBus({ clock: time }), lifeMs),
    { log: { id: "s", partitions: 1, unfinishedBytesMax: 1_000_000 }, reading, handoffMs: 1_000, inFlightMax: 10 },
    {
      clock: time,
      random: () => 0,
      sender: {
        send({ purpose }) {
          sent.push(purpose);
          return Promise.resolve({ kind: "answered", status: 200, headers: [], body: Buffer.alloc(0) });
        },
      },
      deadLetters: letters,
      stream: { privateAttributes: [], acceptReply: () => Promise.resolve() },
      note: ({ what, id, detail }) => void (what === "aging" && notes.push(`${id}: ${detail}`)),
      onFault: (error) => {
        throw error;
      },
    },
  );
  await delivery.setConsumers([makeConsumer("a", { deadLetter: { url: "http://sink.example/" } })]);
  delivery.pause();
  await delivery.log.append(event);
  await time.runUntil(afterMs);
  delivery.resume();
  await time.runUntil(afterMs + 1_000);
  expect(await delivery.unfinished()).toBe(0);
  const reasons = (await letters.list("a", { limit: 9 })).map(({ reason, detail }) => `${reason}: ${detail}`);
  return { sent, notes, reasons };
}

test.each<Reading>(["shared", "each"])(
  "what the broker is about to remove is told of, and kept before: %s",
  async (reading) => {
    const young = await readLate(reading, { lifeMs: 100 * HOUR_MS, afterMs: 79 * HOUR_MS });
    expect(young).toEqual({ sent: ["deliver"], notes: [], reasons: [] });
    const old = await readLate(reading, { lifeMs: 100 * HOUR_MS, afterMs: 99 * HOUR_MS });
    const note = "1: the broker removes it in 3600 s, delivered or not";
    expect(old).toEqual({ sent: ["deliver"], notes: [note], reasons: [] });
    const nearlyGone = await readLate(reading, { lifeMs: 100 * HOUR_MS, afterMs: 100 * HOUR_MS - 300_000 });
    const reason =
      "Expiring: the broker answered 503: it keeps events for 360000 s; this one was not delivered by then";
    expect(nearlyGone).toMatchObject({ sent: [], reasons: [reason] });
    expect(nearlyGone.notes).toHaveLength(1);
  },
);

test("of a life that is shorter than the usual notice the last tenth counts", async () => {
  const lifeMs = 60_000;
  expect((await readLate("each", { lifeMs, afterMs: 53_000 })).sent).toEqual(["deliver"]);
  expect((await readLate("each", { lifeMs, afterMs: 55_000 })).reasons).toHaveLength(1);
});

function withRetention(bus: Bus, lifeMs: number): Bus {
  const change = (log: BusLog): BusLog => ({
    ...log,
    openReader: (spec) =>
      log.openReader({
        ...spec,
        onRecord: (record) => spec.onRecord({ ...record, expiresAtMs: record.acceptedAtMs + lifeMs }),
      }),
  });
  return { ...bus, trouble: undefined, openLog: async (spec) => change(await bus.openLog(spec)) };
}
