import { BusRefusedError } from "@kelvin/bus";
import { status } from "@grpc/grpc-js";
import { logMark, markLabels, readerMark, subscriptionId, topicId } from "./broker-names.ts";
import { codeOf, ignoreMissing, isNotFound, isThereAlready } from "./pubsub-failure.ts";
import type { PubsubConnection } from "./pubsub-connection.ts";
import { pubsubMethods } from "./pubsub-methods.ts";
import type { SubscriptionDescription } from "./pubsub-methods.ts";
import { toMs } from "./record-message.ts";

/** The whole name of a log's topic. */
export function topicName({ projectId }: PubsubConnection, logId: string): string {
  return `projects/${projectId}/topics/${topicId(logId)}`;
}

/** A reader of a log. */
export interface ReaderName {
  readonly logId: string;
  readonly readerId: string;
}

/** The whole name of a reader's subscription. */
export function subscriptionName({ projectId }: PubsubConnection, { logId, readerId }: ReaderName): string {
  return `projects/${projectId}/subscriptions/${subscriptionId(logId, readerId)}`;
}

/** Whether a log's topic is there. @throws BusRefusedError when it is another log's */
export async function hasTopic(connection: PubsubConnection, logId: string): Promise<boolean> {
  const topic = topicName(connection, logId);
  const found = await ignoreMissing(connection.call(pubsubMethods.getTopic, { topic }));
  if (found === undefined) return false;
  refuseForeign(topic, found.labels?.[markLabels.log], logMark(logId));
  return true;
}

/**
 * Makes the topic of a log, or takes over the one that is there: with the log's mark, or without any, as of 2018.
 *
 * @throws BusRefusedError when it is another log's.
 */
export async function ensureTopic(connection: PubsubConnection, logId: string): Promise<void> {
  if (await hasTopic(connection, logId)) return;
  const topic = { name: topicName(connection, logId), labels: { [markLabels.log]: logMark(logId) } };
  try {
    await connection.call(pubsubMethods.createTopic, topic);
  } catch (error) {
    if (!isThereAlready(error)) throw error;
    await hasTopic(connection, logId);
  }
}

/** Removes the topic of a log and the subscriptions that bear its mark. @throws BusRefusedError when it is another log's */
export async function deleteTopic(connection: PubsubConnection, logId: string): Promise<void> {
  if (!(await hasTopic(connection, logId))) return;
  const topic = topicName(connection, logId);
  let pageToken = "";
  do {
    const page = await ignoreMissing(connection.call(pubsubMethods.listTopicSubscriptions, { topic, pageToken }));
    for (const subscription of page?.subscriptions ?? []) {
      const found = await ignoreMissing(connection.call(pubsubMethods.getSubscription, { subscription }));
      // Whoever else listens keeps what waits for them.
      if (found?.labels?.[markLabels.log] !== logMark(logId)) continue;
      await ignoreMissing(connection.call(pubsubMethods.deleteSubscription, { subscription }));
    }
    pageToken = page?.nextPageToken ?? "";
  } while (pageToken !== "");
  await ignoreMissing(connection.call(pubsubMethods.deleteTopic, { topic }));
}

/** The longest that may be: what is not delivered by then is gone. The emulator's greatest is a week. */
const RETENTION_SECONDS = [31 * 86_400, 7 * 86_400] as const;

/**
 * Makes the subscription of a reader, or takes over the one that is there: with the reader's mark, or without any, as of
 * 2018. One that would lose events is refused, or mended where that can be done.
 *
 * @returns How long it keeps a message, finished or not, in milliseconds.
 * @throws BusRefusedError saying what is in the way.
 */
export async function ensureSubscription(connection: PubsubConnection, reader: ReaderName): Promise<number> {
  const adopted = await adopt(connection, reader);
  if (adopted !== undefined) return retentionMs(adopted);
  const wanted = describeSubscription(connection, reader);
  for (const seconds of RETENTION_SECONDS) {
    try {
      const messageRetentionDuration = { seconds };
      return retentionMs(
        await connection.call(pubsubMethods.createSubscription, { ...wanted, messageRetentionDuration }),
      );
    } catch (error) {
      if (isThereAlready(error)) break;
      const isTooLong = codeOf(error) === status.INVALID_ARGUMENT && /retention/.test(String(error));
      if (!isTooLong || seconds === RETENTION_SECONDS.at(-1)) throw error;
    }
  }
  return retentionMs((await adopt(connection, reader)) ?? {});
}

const DEFAULT_RETENTION_MS = 7 * 86_400_000;

function retentionMs({ messageRetentionDuration: duration }: SubscriptionDescription): number {
  return toMs(duration) || DEFAULT_RETENTION_MS;
}

function describeSubscription(connection: PubsubConnection, reader: ReaderName): SubscriptionDescription {
  const { logId, readerId } = reader;
  return {
    name: subscriptionName(connection, reader),
    topic: topicName(connection, logId),
    ackDeadlineSeconds: Math.round(connection.silenceMsMax / 1_000),
    enableMessageOrdering: true,
    // Never: the default is to remove what nobody asks for a month.
    expirationPolicy: {},
    labels: { [markLabels.log]: logMark(logId), [markLabels.reader]: readerMark(logId, readerId) },
  };
}

async function adopt(connection: PubsubConnection, reader: ReaderName): Promise<SubscriptionDescription | undefined> {
  const found = await findSubscription(connection, reader);
  if (found === undefined) return undefined;
  const name = subscriptionName(connection, reader);
  const fault = faultOf(found, topicName(connection, reader.logId));
  if (fault !== undefined) throw new BusRefusedError(`${name} is there, and ${fault}`);
  const ttl = found.expirationPolicy?.ttl;
  if (ttl === null || ttl === undefined) return found;
  await connection.call(pubsubMethods.updateSubscription, {
    subscription: { name, topic: found.topic ?? "", expirationPolicy: {} },
    updateMask: { paths: ["expiration_policy"] },
  });
  return found;
}

/** A reader's subscription as it is; undefined when there is none. @throws BusRefusedError when it is another reader's */
export async function findSubscription(
  connection: PubsubConnection,
  reader: ReaderName,
): Promise<SubscriptionDescription | undefined> {
  const subscription = subscriptionName(connection, reader);
  try {
    const found = await connection.call(pubsubMethods.getSubscription, { subscription });
    refuseForeign(subscription, found.labels?.[markLabels.reader], readerMark(reader.logId, reader.readerId));
    return found;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** Why events would go missing on it. */
function faultOf(found: SubscriptionDescription, topic: string): string | undefined {
  const remedy = "delete it, or give this one another name";
  if (found.topic === "_deleted-topic_") {
    return `its topic was deleted, so that nothing new comes to it; fetch what is left in it, then delete it`;
  }
  if (found.topic !== topic) return `it is one of ${found.topic}, not of ${topic}; ${remedy}`;
  if ((found.pushConfig?.pushEndpoint ?? "") !== "") return `it pushes to ${found.pushConfig?.pushEndpoint}; ${remedy}`;
  if ((found.filter ?? "") !== "") return `it leaves out events by the filter ${found.filter}; ${remedy}`;
  const policy = found.deadLetterPolicy;
  if (policy !== null && policy !== undefined) {
    return `it drops events after ${policy.maxDeliveryAttempts} deliveries (deadLetterPolicy); remove that policy`;
  }
  if (found.detached === true) return `it is detached; ${remedy}`;
  return undefined;
}

function refuseForeign(name: string, mark: string | undefined, wanted: string): void {
  if (mark === undefined || mark === wanted) return;
  throw new BusRefusedError(
    `${name} is there and belongs to another object: names that are joined by dashes may be the same for two; ` +
      `give one of them another name`,
  );
}
