import { setImmediate as nextTurn } from "node:timers/promises";
import { BusUnavailableError, LogFullError } from "@kelvin/bus";
import type { Clock } from "@kelvin/bus";
import type { Kafka, Message, Producer } from "kafkajs";
import { isVerdict, kafkaFailure } from "./kafka-failure.ts";
import { ANSWER_MS_MAX, pause } from "./kafka-connection.ts";
import type { OutMessage } from "./record-message.ts";

/** Appends to one topic. */
export interface GroupCommit {
  /**
   * Appends messages of one partition, in one piece: all of them or none are there. Resolves with the offset of the first.
   *
   * @throws LogFullError when too much waits to be sent; BusUnavailableError: they may be there or not; BusRefusedError.
   */
  append(messages: readonly OutMessage[]): Promise<number>;
  close(): Promise<void>;
}

/** What it works with. */
export interface GroupCommitParts {
  readonly topic: string;
  readonly newClient: () => Kafka;
  /** The greatest batch that the topic takes. */
  readonly batchBytesMax: number;
  readonly clock: Clock;
  /** Whether the broker is to tell repetitions apart; default true. */
  readonly isIdempotent?: boolean;
}

/** Bytes that may wait to be sent. */
const QUEUE_BYTES_MAX = 32 * 1024 * 1024;
/** Bytes of one request, all partitions together. */
const REQUEST_BYTES_MAX = 8 * 1024 * 1024;
/** What a batch of records has around them. */
const BATCH_OVERHEAD = 128;
const RETRY_MS = 200;
/** Before a producer's count of records passes what the protocol holds, which the client does not do right. */
const RECORDS_A_PRODUCER = 1_000_000_000;

/** Messages that somebody waits for. */
interface Waiting {
  readonly messages: readonly OutMessage[];
  readonly bytes: number;
  readonly partition: number;
  /** Nobody waits any more. */
  isOver: boolean;
  /** Why the last try failed. */
  failure: string | undefined;
  settle(result: number | Error): void;
}

/**
 * One request under way, repeated unchanged until it settles, and never a second before. The client numbers records so that
 * the broker can tell repetitions; after a failure it takes the numbers back and gives them to what comes next, and the
 * broker then takes that for a repetition, says yes, and drops it (measured: A, C, A for A, B, C). So whatever fails for
 * good takes its producer with it, and the next one has a number of its own.
 */
export function openGroupCommit(parts: GroupCommitParts): GroupCommit {
  const { clock, topic } = parts;
  const sender = makeSender(parts);
  const queue: Waiting[] = [];
  let queuedBytes = 0;
  let running: Promise<void> | undefined;
  let isClosed = false;

  const run = async (): Promise<void> => {
    // Those who come at the same moment go together.
    await nextTurn();
    for (;;) {
      const batch = takeBatch(queue, parts.batchBytesMax - BATCH_OVERHEAD);
      queuedBytes = queue.reduce((sum, { bytes }) => sum + bytes, 0);
      if (batch.length === 0) return;
      await sender.send(batch);
    }
  };
  const start = (): void => {
    running ??= run().finally(() => {
      running = undefined;
      if (queue.length > 0) start();
    });
  };
  return {
    append(messages) {
      const bytes = messages.reduce((sum, message) => sum + message.bytes, 0);
      if (isClosed) return Promise.reject(new BusUnavailableError(`${topic}: closed`));
      if (queuedBytes + bytes > QUEUE_BYTES_MAX) {
        return Promise.reject(new LogFullError(`${topic}: ${queuedBytes} bytes wait to be sent; more are not taken`));
      }
      const { promise, resolve, reject } = Promise.withResolvers<number>();
      const waiting: Waiting = {
        messages,
        bytes,
        partition: messages[0]?.message.partition ?? 0,
        isOver: false,
        failure: undefined,
        settle(result) {
          if (waiting.isOver) return;
          waiting.isOver = true;
          cancel();
          if (typeof result === "number") resolve(result);
          else reject(result);
        },
      };
      const cancel = clock.setTimer(() => {
        const reason = waiting.failure ?? `${topic}: no answer`;
        waiting.settle(new BusUnavailableError(`${reason}, for ${ANSWER_MS_MAX} ms`));
      }, ANSWER_MS_MAX);
      queue.push(waiting);
      queuedBytes += bytes;
      start();
      return promise;
    },
    async close() {
      isClosed = true;
      sender.giveUp();
      await running;
      sender.close();
    },
  };
}

/** Sends what belongs together. */
interface Sender {
  /** Resolves when all have been told; never fails. */
  send(batch: readonly Waiting[]): Promise<void>;
  /** Repeats nothing any more. */
  giveUp(): void;
  close(): void;
}

function makeSender({ clock, topic, newClient, isIdempotent = true }: GroupCommitParts): Sender {
  let producer: Producer | undefined;
  let sentRecords = 0;
  let hasGivenUp = false;

  const dropProducer = (): void => {
    producer?.disconnect().catch(() => undefined);
    producer = undefined;
    sentRecords = 0;
  };
  const repeat = async (batch: readonly Waiting[]): Promise<ReadonlyMap<number, number>> => {
    const messages = batch.flatMap((each) => each.messages.map(({ message }) => message));
    for (;;) {
      try {
        producer ??= await openProducer(newClient(), isIdempotent);
        const results = await producer.sendBatch({ acks: -1, topicMessages: [{ topic, messages }] });
        sentRecords += messages.length;
        return new Map(results.map(({ partition, baseOffset }) => [partition, Number(baseOffset)]));
      } catch (error) {
        if (hasGivenUp || isVerdict(error) || batch.every(({ isOver }) => isOver)) throw error;
        for (const each of batch) each.failure = kafkaFailure(error, topic).message;
        await pause(clock, RETRY_MS);
      }
    }
  };
  return {
    async send(batch) {
      try {
        settleAll(batch, await repeat(batch));
        if (sentRecords > RECORDS_A_PRODUCER) dropProducer();
      } catch (error) {
        dropProducer();
        const failure = kafkaFailure(error, topic);
        for (const each of batch) each.settle(failure);
      }
    },
    giveUp() {
      hasGivenUp = true;
    },
    close: dropProducer,
  };
}

/** What goes into one request: of each partition no more than a batch holds. Those nobody waits for are left out. */
function takeBatch(queue: Waiting[], batchBytesMax: number): Waiting[] {
  const taken: Waiting[] = [];
  const left: Waiting[] = [];
  const bytesOf = new Map<number, number>();
  let total = 0;
  for (const waiting of queue) {
    if (waiting.isOver) continue;
    const before = bytesOf.get(waiting.partition) ?? 0;
    const fits = before === 0 || before + waiting.bytes <= batchBytesMax;
    const isFull = taken.length > 0 && total + waiting.bytes > REQUEST_BYTES_MAX;
    if (!fits || isFull) {
      left.push(waiting);
      // What came later of this partition may not overtake.
      bytesOf.set(waiting.partition, Infinity);
      continue;
    }
    taken.push(waiting);
    bytesOf.set(waiting.partition, before + waiting.bytes);
    total += waiting.bytes;
  }
  queue.splice(0, queue.length, ...left);
  return taken;
}

function settleAll(batch: readonly Waiting[], baseOffsets: ReadonlyMap<number, number>): void {
  const next = new Map(baseOffsets);
  for (const each of batch) {
    const offset = next.get(each.partition) ?? 0;
    next.set(each.partition, offset + each.messages.length);
    each.settle(offset);
  }
}

async function openProducer(client: Kafka, isIdempotent: boolean): Promise<Producer> {
  const producer = client.producer({
    idempotent: isIdempotent,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
    // Each message says where it goes, so that a repetition goes there too.
    createPartitioner:
      () =>
      ({ message }: { message: Message }) =>
        message.partition ?? 0,
    retry: { initialRetryTime: 100, maxRetryTime: 500, retries: 5 },
  });
  try {
    await producer.connect();
    return producer;
  } catch (error) {
    producer.disconnect().catch(() => undefined);
    throw error;
  }
}
