import { setImmediate as nextTurn } from "node:timers/promises";
import { BusUnavailableError, LogFullError } from "@kelvin/bus";
import type { Clock } from "@kelvin/bus";
import { mayPass, pubsubFailure } from "./pubsub-failure.ts";
import type { PubsubConnection } from "./pubsub-connection.ts";
import { pubsubMethods } from "./pubsub-methods.ts";
import { REQUEST_BYTES_MAX } from "./record-message.ts";
import type { OutMessage } from "./record-message.ts";

/** Appends to one topic. */
export interface Publisher {
  /**
   * Publishes a message; resolves with the id that the service gave it.
   *
   * @throws LogFullError when too much waits to be sent; BusUnavailableError: it may be there or not; BusRefusedError.
   */
  publish(message: OutMessage): Promise<string>;
  /** Nothing more is taken; resolves when what was taken is settled. */
  close(): Promise<void>;
}

/** What it works with. */
export interface PublisherParts {
  readonly connection: PubsubConnection;
  /** Its whole name. */
  readonly topic: string;
  readonly clock: Clock;
}

/** Bytes that may wait to be sent or answered. */
const QUEUE_BYTES_MAX = 32 * 1024 * 1024;
/** Whatever comes together goes together, up to this. */
const BATCH_BYTES_MAX = 1024 * 1024;
const BATCH_MESSAGES_MAX = 1_000;
const RETRY_MS = 250;
/** Requests under way for messages without a key; those of one key go one after the other. */
const REQUESTS_MAX = 4;
const NO_KEY = "";

interface Waiting {
  readonly out: OutMessage;
  readonly dueMs: number;
  readonly resolve: (id: string) => void;
  readonly reject: (error: unknown) => void;
}

interface Lane {
  readonly key: string;
  readonly queue: Waiting[];
  requests: number;
}

/**
 * One lane a key, and one for those without. A lane's batch is what came while the one before was under way; one request
 * holds messages of one key only, as the service asks. A request that may succeed later is repeated until its messages'
 * time is over.
 */
export function openPublisher(parts: PublisherParts): Publisher {
  const { clock, connection, topic } = parts;
  const lanes = new Map<string, Lane>();
  const underWay = new Set<Promise<unknown>>();
  let waitingBytes = 0;
  let isClosed = false;

  const run = async (lane: Lane): Promise<void> => {
    // Those who come at the same moment go together.
    await nextTurn();
    for (;;) {
      const batch = takeBatch(lane.queue);
      if (batch.length === 0) break;
      await send(batch, parts);
    }
    lane.requests -= 1;
    if (lane.requests === 0 && lane.queue.length === 0) lanes.delete(lane.key);
  };
  const start = (lane: Lane): void => {
    if (lane.requests >= (lane.key === NO_KEY ? REQUESTS_MAX : 1)) return;
    // The next request only for what the one that begins now will not take.
    if (lane.requests > 0 && lane.queue.length < BATCH_MESSAGES_MAX / 10) return;
    lane.requests += 1;
    const running = run(lane).finally(() => underWay.delete(running));
    underWay.add(running);
  };
  return {
    publish(out) {
      if (isClosed) return Promise.reject(new BusUnavailableError(`${topic}: closed`));
      if (waitingBytes + out.bytes > QUEUE_BYTES_MAX) {
        return Promise.reject(new LogFullError(`${topic}: ${waitingBytes} bytes wait to be sent; more are not taken`));
      }
      waitingBytes += out.bytes;
      const key = out.message.orderingKey ?? NO_KEY;
      const lane = lanes.get(key) ?? { key, queue: [], requests: 0 };
      lanes.set(key, lane);
      const { promise, resolve, reject } = Promise.withResolvers<string>();
      lane.queue.push({ out, dueMs: clock.nowMs() + connection.answerMsMax * 2, resolve, reject });
      start(lane);
      return promise.finally(() => {
        waitingBytes -= out.bytes;
      });
    },
    async close() {
      isClosed = true;
      await Promise.all(underWay);
    },
  };
}

function takeBatch(queue: Waiting[]): Waiting[] {
  let bytes = 0;
  let count = 0;
  for (const { out } of queue) {
    if (count === BATCH_MESSAGES_MAX) break;
    // The first goes whatever its size: it was checked.
    if (count > 0 && bytes + out.bytes > Math.min(BATCH_BYTES_MAX, REQUEST_BYTES_MAX)) break;
    bytes += out.bytes;
    count += 1;
  }
  return queue.splice(0, count);
}

async function send(batch: readonly Waiting[], { connection, topic, clock }: PublisherParts): Promise<void> {
  const messages = batch.map(({ out }) => out.message);
  const dueMs = batch[0]?.dueMs ?? 0;
  for (;;) {
    const leftMs = dueMs - clock.nowMs();
    if (leftMs <= 0) {
      fail(batch, new BusUnavailableError(`${topic}: not sent in ${connection.answerMsMax * 2} ms`));
      return;
    }
    try {
      const answerMsMax = Math.min(leftMs, connection.answerMsMax);
      const { messageIds } = await connection.call(pubsubMethods.publish, { topic, messages }, { answerMsMax });
      for (const [index, { resolve }] of batch.entries()) resolve(messageIds?.[index] ?? "");
      return;
    } catch (error) {
      if (!mayPass(error) || dueMs - clock.nowMs() <= RETRY_MS) {
        fail(batch, pubsubFailure(error, topic));
        return;
      }
      await new Promise<void>((resolve) => clock.setTimer(resolve, RETRY_MS));
    }
  }
}

function fail(batch: readonly Waiting[], error: Error): void {
  for (const { reject } of batch) reject(error);
}
