import { BusUnavailableError, RecordTooLargeError, recordBytes } from "@kelvin/bus";
import type { Backlog, BusLog, BusReader, BusRecord, Clock, LogSpec, ReaderSpec } from "@kelvin/bus";
import { asked, ignoreMissing } from "./pubsub-failure.ts";
import type { PubsubConnection } from "./pubsub-connection.ts";
import { pubsubMethods } from "./pubsub-methods.ts";
import type { ReceivedMessage } from "./pubsub-methods.ts";
import { openPublisher } from "./publish-lane.ts";
import { openPubsubReader } from "./pubsub-reader.ts";
import type { PubsubReader } from "./pubsub-reader.ts";
import { RECORD_BYTES_MAX, toMessage, toMs } from "./record-message.ts";
import type { ServerClock } from "./server-clock.ts";
import { ensureSubscription, findSubscription, subscriptionName, topicName } from "./topics.ts";

/** What a log works with. */
export interface LogParts {
  readonly connection: PubsubConnection;
  readonly serverClock: ServerClock;
  readonly clock: Clock;
}

/** Messages of one look at what waits, and looks when a reader is deleted. */
const LOOK_MESSAGES_MAX = 100;
const LOOKS_MAX = 20;

/** Opens a log whose topic is there. */
export function openPubsubLog(spec: LogSpec, { connection, serverClock, clock }: LogParts): BusLog {
  const { id: logId } = spec;
  const topic = topicName(connection, logId);
  const publisher = openPublisher({ connection, topic, clock });
  const readers = new Map<string, Set<PubsubReader>>();
  let isClosed = false;
  const handlesOf = (readerId: string): readonly PubsubReader[] => [...(readers.get(readerId) ?? [])];

  const append = async (record: BusRecord): Promise<void> => {
    const message = toMessage(record);
    if (message === undefined || recordBytes(record) > RECORD_BYTES_MAX) {
      throw new RecordTooLargeError(`${logId}: ${recordBytes(record)} bytes; Pub/Sub takes ${RECORD_BYTES_MAX}`);
    }
    await publisher.publish(message);
  };
  const openReader = async (readerSpec: ReaderSpec): Promise<BusReader> => {
    if (isClosed) throw new BusUnavailableError(`${logId}: closed`);
    const name = { logId, readerId: readerSpec.id };
    const subscription = subscriptionName(connection, name);
    const retentionMs = await asked(subscription, () => ensureSubscription(connection, name));
    const reader = openPubsubReader({ connection, subscription, retentionMs, clock }, readerSpec);
    const handles = readers.get(readerSpec.id) ?? new Set();
    readers.set(readerSpec.id, handles.add(reader));
    return {
      pause: () => reader.pause(),
      resume: () => reader.resume(),
      async close() {
        handles.delete(reader);
        await reader.close();
      },
    };
  };
  return {
    id: logId,
    append,
    ends: async () => String(await serverClock.now()),
    openReader,
    async deleteReader(readerId) {
      const name = { logId, readerId };
      const subscription = subscriptionName(connection, name);
      let unfinished = 0;
      for (const reader of handlesOf(readerId)) unfinished += reader.acceptedAtMs().length;
      return asked(subscription, async () => {
        if ((await findSubscription(connection, name)) === undefined) return 0;
        unfinished += await countWaiting(connection, subscription);
        await ignoreMissing(connection.call(pubsubMethods.deleteSubscription, { subscription }));
        return unfinished;
      });
    },
    async backlog(readerId) {
      const subscription = subscriptionName(connection, { logId, readerId });
      const handles = handlesOf(readerId);
      const here = handles.flatMap((reader) => reader.acceptedAtMs());
      if (handles.some(({ hasRoom }) => hasRoom)) return toBacklog(here);
      return asked(subscription, async () => {
        const waiting = await look(connection, subscription);
        await giveBack(connection, { subscription, messages: waiting });
        return toBacklog([...here, ...waiting.map(({ message }) => toMs(message?.publishTime))]);
      });
    },
    async close() {
      isClosed = true;
      for (const handles of readers.values()) for (const reader of handles) await reader.close();
      await publisher.close();
    },
  };
}

function toBacklog(acceptedAtMs: readonly number[]): Backlog {
  return { records: acceptedAtMs.length, oldestMs: acceptedAtMs.length === 0 ? undefined : Math.min(...acceptedAtMs) };
}

/** Some of what waits: the service tells nobody how much there is. None where there is no such subscription. */
async function look(connection: PubsubConnection, subscription: string): Promise<readonly ReceivedMessage[]> {
  const request = { subscription, maxMessages: LOOK_MESSAGES_MAX, returnImmediately: true };
  const found = await ignoreMissing(connection.call(pubsubMethods.pull, request));
  return found?.receivedMessages ?? [];
}

async function giveBack(
  connection: PubsubConnection,
  { subscription, messages }: { readonly subscription: string; readonly messages: readonly ReceivedMessage[] },
): Promise<void> {
  if (messages.length === 0) return;
  const ackIds = messages.map(({ ackId }) => ackId ?? "");
  await connection.call(pubsubMethods.modifyAckDeadline, { subscription, ackIds, ackDeadlineSeconds: 0 });
}

/** As many as can be seen; they are not given back. */
async function countWaiting(connection: PubsubConnection, subscription: string): Promise<number> {
  const seen = new Set<string>();
  for (let looks = 0; looks < LOOKS_MAX; looks += 1) {
    const messages = await look(connection, subscription);
    if (messages.length === 0) break;
    for (const { message } of messages) seen.add(message?.messageId ?? "");
  }
  return seen.size;
}
