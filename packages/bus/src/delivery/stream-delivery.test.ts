import { describe, expect, test } from "@jest/globals";
import { makeVirtualTime } from "../simulator/virtual-time.ts";
import { makeMemoryDeadLetterStore } from "../stub/memory-dead-letter-store.ts";
import { openStubBus } from "../stub/stub-bus.ts";
import type { Consumer } from "./consumer.ts";
import { deleteStream, openStreamDelivery } from "./stream-delivery.ts";
import type { Reading } from "./stream-delivery.ts";

const consumer = (id: string): Consumer => ({
  id,
  uid: id,
  generation: 1,
  since: undefined,
  types: undefined,
  matches: undefined,
  subscriber: { url: `http://${id}` },
  reply: { kind: "none" },
  deadLetter: undefined,
  retryPolicy: { retry: 3, backoff: { policy: "linear", delayMs: 20_000 }, timeoutMs: 5_000 },
  format: undefined,
  limits: { inFlight: 10, ratePerSecond: undefined, backlog: 10 },
});
const event = {
  headers: ["ce-specversion", "1.0", "ce-id", "1", "ce-source", "/s", "ce-type", "t"],
  body: Buffer.from("data"),
};

/** A stream whose subscribers answer 200, but `ill`, which answers 500. */
async function open(reading: Reading) {
  const time = makeVirtualTime();
  const bus = openStubBus({ clock: time });
  const sent: string[] = [];
  const log = { id: "s", partitions: 1, unfinishedBytesMax: 1_000_000 };
  const delivery = await openStreamDelivery(
    bus,
    { log, reading, handoffMs: 1_000, inFlightMax: 10 },
    {
      clock: time,
      random: () => 0,
      sender: {
        send({ consumerId }) {
          sent.push(consumerId);
          const status = consumerId === "ill" ? 500 : 200;
          return Promise.resolve({ kind: "answered", status, headers: [], body: Buffer.alloc(0) });
        },
      },
      deadLetters: makeMemoryDeadLetterStore({ bytesMax: 1_000_000, clock: time }),
      stream: { privateAttributes: [], acceptReply: () => Promise.resolve() },
      note: () => undefined,
      onFault: (error) => {
        throw error;
      },
    },
  );
  return { time, bus, log, delivery, sent };
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
});
