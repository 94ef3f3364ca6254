import { beforeAll, expect, test } from "@jest/globals";
import { makeConsumer } from "../delivery/consumer.fixture.ts";
import type { Consumer } from "../delivery/consumer.ts";
import type { SendOutcome } from "../delivery/sender.ts";
import { openStreamDelivery } from "../delivery/stream-delivery.ts";
import { makeMemoryDeadLetterStore } from "../stub/memory-dead-letter-store.ts";
import { openStubBus } from "../stub/stub-bus.ts";
import { makeRandom } from "./random.ts";
import { makeVirtualTime } from "./virtual-time.ts";

const EVENTS = 3_000;
const TIMEOUT_MS = 60_000;
const RATE_PER_SECOND = 200;
const NAMES = { good: "good", flaky: "flaky", trouble: "trouble" } as const;

/** What the consumer in trouble does with an event: answers after so long, or never. */
type Trouble = (nowMs: number) => { readonly status: number; readonly afterMs: number } | undefined;

interface Latencies {
  /** From accepting to the consumer that is well, to the one that takes every tenth event only at the second attempt. */
  readonly good: number;
  readonly flaky: number;
  readonly goodCount: number;
  readonly flakyCount: number;
}

/** Offers events at a steady rate to two consumers, and to a third one if there is trouble; tells the 99th percentiles. */
async function play(trouble: Trouble | undefined, limits: Partial<Consumer["limits"]> = {}): Promise<Latencies> {
  const time = makeVirtualTime();
  const random = makeRandom(7);
  const acceptedAtMs = new Map<string, number>();
  const latencies = { good: new Map<string, number>(), flaky: new Map<string, number>() };
  const tried = new Set<string>();
  const answerAfter = (status: number, afterMs: number): Promise<SendOutcome> =>
    new Promise((resolve) => {
      time.setTimer(() => resolve({ kind: "answered", status, headers: [], body: Buffer.alloc(0) }), afterMs);
    });
  const delivery = await openStreamDelivery(
    openStubBus({ clock: time }),
    {
      log: { id: "s", partitions: 1, unfinishedBytesMax: 100_000_000 },
      reading: "shared",
      handoffMs: 1_000,
      inFlightMax: 1_000,
    },
    {
      clock: time,
      random: () => random.next(),
      sender: {
        send({ consumerId, message, timeoutMs }) {
          const id = message.body.toString();
          if (consumerId === NAMES.trouble) {
            const answer = trouble?.(time.nowMs());
            if (answer !== undefined) return answerAfter(answer.status, answer.afterMs);
            return new Promise((resolve) => {
              time.setTimer(() => resolve({ kind: "unanswered", reason: "timed out" }), timeoutMs);
            });
          }
          if (consumerId === NAMES.flaky && Number(id) % 10 === 0 && !tried.has(id)) {
            tried.add(id);
            return answerAfter(500, 5);
          }
          const name = consumerId === NAMES.good ? "good" : "flaky";
          latencies[name].set(id, time.nowMs() - (acceptedAtMs.get(id) ?? 0));
          return answerAfter(202, 5);
        },
      },
      deadLetters: makeMemoryDeadLetterStore({ bytesMax: 100_000_000, clock: time }),
      stream: { privateAttributes: [], acceptReply: () => Promise.resolve() },
      note: () => undefined,
      onFault: (error) => {
        throw error;
      },
    },
  );
  const names = [NAMES.good, NAMES.flaky, ...(trouble === undefined ? [] : [NAMES.trouble])];
  await delivery.setConsumers(names.map((id) => consumer(id, id === NAMES.trouble ? limits : {})));
  for (let index = 0; index < EVENTS; index += 1) {
    time.setTimer(
      () => {
        const id = String(index);
        acceptedAtMs.set(id, time.nowMs());
        const headers = ["ce-specversion", "1.0", "ce-id", id, "ce-source", "/s", "ce-type", "t"];
        delivery.log.append({ headers, body: Buffer.from(id) }).catch(() => undefined);
      },
      (index * 1_000) / RATE_PER_SECOND,
    );
  }
  await time.runUntil((EVENTS / RATE_PER_SECOND) * 1_000 + 5_000);
  return {
    good: p99(latencies.good),
    flaky: p99(latencies.flaky),
    goodCount: latencies.good.size,
    flakyCount: latencies.flaky.size,
  };
}

function consumer(id: string, limits: Partial<Consumer["limits"]>): Consumer {
  return makeConsumer(id, {
    retryPolicy: { retry: 10, backoff: { policy: "exponential", delayMs: 200 }, timeoutMs: 30_000 },
    limits: { inFlight: 100, ratePerSecond: undefined, backlog: 10_000, ...limits },
  });
}

function p99(latencies: ReadonlyMap<string, number>): number {
  const sorted = [...latencies.values()].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length * 0.99)] ?? Infinity;
}

let alone: Latencies | undefined;
beforeAll(async () => {
  alone = await play(undefined);
}, TIMEOUT_MS);

test.each<[string, Trouble, Partial<Consumer["limits"]>]>([
  ["never answers", () => undefined, {}],
  ["never answers, and has room for few events", () => undefined, { backlog: 500 }],
  ["fails at once", () => ({ status: 503, afterMs: 1 }), {}],
  ["takes long", () => ({ status: 202, afterMs: 5_000 }), {}],
  ["may be asked rarely", () => ({ status: 202, afterMs: 1 }), { ratePerSecond: 5 }],
  ["comes and goes", (nowMs) => (Math.floor(nowMs / 3_000) % 2 === 0 ? { status: 202, afterMs: 1 } : undefined), {}],
])(
  "a subscriber that %s changes nothing for the others, nor for their retries",
  async (_, trouble, limits) => {
    const beside = await play(trouble, limits);
    expect(alone).toMatchObject({ goodCount: EVENTS, flakyCount: EVENTS });
    expect(beside).toMatchObject({ goodCount: EVENTS, flakyCount: EVENTS });
    expect(beside.good).toBe(alone?.good);
    // The pause before a second attempt is drawn by lot.
    expect(beside.flaky / (alone?.flaky ?? 0)).toBeLessThan(1.05);
  },
  TIMEOUT_MS,
);
