import { randomUUID } from "node:crypto";
import { openKafkaBus } from "@kelvin/bus-kafka";
import { findKafkaProblem } from "@kelvin/testkit/kafka-jars";
import { openKafkaServer } from "@kelvin/testkit/kafka-server";
import { Kafka, logLevel, type Admin, type Consumer, type Message, type Producer } from "kafkajs";
import { fail, silenceMsMax, type BenchBus, type RawClient, type RawEvents, type RawLeg } from "./bench-bus.ts";

/** Kafka: what comes while a request is under way goes with the next one, acks=all; a commit for what was finished since. */
export const kafkaBench: BenchBus = {
  findProblem: findKafkaProblem,
  async startBroker() {
    const server = await openKafkaServer();
    return { address: server.directAddress, close: () => server.close() };
  },
  openOurs: (address) => openKafkaBus({ brokers: [address], name: "bench", silenceMsMax }),
  openRaw,
};

async function openRaw(address: string): Promise<RawClient> {
  const client = new Kafka({ brokers: [address], clientId: "raw", logLevel: logLevel.NOTHING });
  const admin = client.admin();
  await admin.connect();
  return {
    async openLeg(_, events) {
      const topic = `raw-${randomUUID()}`;
      await admin.createTopics({ topics: [{ topic, numPartitions: 1 }], waitForLeaders: true });
      // One of its own: it asks after every topic it ever had, and stumbles over those that are gone.
      const producer = client.producer({ idempotent: true, maxInFlightRequests: 1, allowAutoTopicCreation: false });
      await producer.connect();
      const consumer = client.consumer({ groupId: topic, sessionTimeout: silenceMsMax, maxWaitTimeInMs: 250 });
      await read(consumer, topic, events);
      return openLeg({ admin, producer, consumer, topic });
    },
  };
}

/** A batch is worked off side by side, and committed when all of it is done. */
async function read(consumer: Consumer, topic: string, { onRecord, onFinished }: RawEvents): Promise<void> {
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  const joined = new Promise((resolve) => {
    consumer.on(consumer.events.GROUP_JOIN, resolve);
  });
  await consumer.run({
    autoCommit: false,
    eachBatch: async ({ batch }) => {
      await Promise.all(
        batch.messages.map(({ headers, value }) => {
          const list = Object.entries(headers ?? {}).flatMap(([name, text]) => [name, String(text)]);
          return onRecord({ headers: list, body: value ?? Buffer.alloc(0) });
        }),
      );
      const next = String(BigInt(batch.lastOffset()) + 1n);
      await consumer.commitOffsets([{ topic, partition: batch.partition, offset: next }]);
      onFinished(batch.messages.length);
    },
  });
  await joined;
}

/** Below what a topic takes of one partition. */
const batchBytesMax = 1024 * 1024 - 4 * 1024;

interface Waiting {
  readonly message: Message;
  /** About. */
  readonly bytes: number;
  readonly resolve: () => void;
}

function takeBatch(waiting: Waiting[]): Waiting[] {
  let bytes = 0;
  const end = waiting.findIndex((each) => (bytes += each.bytes) > batchBytesMax);
  return waiting.splice(0, end < 0 ? waiting.length : end);
}

interface RawParts {
  readonly admin: Admin;
  readonly producer: Producer;
  readonly consumer: Consumer;
  readonly topic: string;
}

function openLeg({ admin, producer, consumer, topic }: RawParts): RawLeg {
  const waiting: Waiting[] = [];
  let isSending = false;
  const send = async (): Promise<void> => {
    isSending = true;
    while (waiting.length > 0) {
      const batch = takeBatch(waiting);
      // oxlint-disable-next-line no-await-in-loop -- one request under way, as an idempotent producer wants it
      await producer.send({ topic, acks: -1, messages: batch.map(({ message }) => message) });
      for (const { resolve } of batch) resolve();
    }
    isSending = false;
  };
  return {
    publish: ({ headers, body }) =>
      new Promise((resolve) => {
        waiting.push({ message: { value: body, headers: toHeaders(headers) }, bytes: body.length + 1_024, resolve });
        if (waiting.length === 1 && !isSending) setImmediate(() => void send().catch(fail));
      }),
    async close() {
      await consumer.disconnect();
      await producer.disconnect();
      await admin.deleteTopics({ topics: [topic] });
    },
  };
}

function toHeaders(list: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (let index = 0; index + 1 < list.length; index += 2) headers[list[index] ?? ""] = list[index + 1] ?? "";
  return headers;
}
