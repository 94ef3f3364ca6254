import { randomUUID } from "node:crypto";
import { BusUnavailableError } from "@kelvin/bus";
import type { Clock } from "@kelvin/bus";
import { asked, isThereAlready } from "./pubsub-failure.ts";
import type { PubsubConnection } from "./pubsub-connection.ts";
import { pubsubMethods } from "./pubsub-methods.ts";
import { toMs } from "./record-message.ts";

/** The time as the service stamps messages with it. */
export interface ServerClock {
  /**
   * A time that no message was stamped after that was published before the call, and every one that is published once it
   * has resolved.
   *
   * @throws BusError
   */
  now(): Promise<number>;
  /** Removes what it made at the service. */
  close(): Promise<void>;
}

const TOPIC = "kelvin-clock";
const TRIES_MAX = 10;
/** What the clocks of the service's machines may be apart. */
const APART_MS = 50;
const DAY_SECONDS = 24 * 3_600;
const RETENTION_SECONDS = 600;

/**
 * A message to ourselves, made for its stamp: our clock and the service's are not the same, and an event that is stamped
 * too early would not be delivered. The subscription is this process's own; should it be killed, the service removes it
 * after a day.
 */
export function openServerClock(connection: PubsubConnection, clock: Clock): ServerClock {
  const topic = `projects/${connection.projectId}/topics/${TOPIC}`;
  const subscription = `projects/${connection.projectId}/subscriptions/${TOPIC}-${randomUUID()}`;
  let making: Promise<void> | undefined;
  let last: Promise<unknown> = Promise.resolve();

  const make = async (): Promise<void> => {
    await connection.call(pubsubMethods.createTopic, { name: topic }).catch((error: unknown) => {
      if (!isThereAlready(error)) throw error;
    });
    await connection.call(pubsubMethods.createSubscription, {
      name: subscription,
      topic,
      ackDeadlineSeconds: 10,
      messageRetentionDuration: { seconds: RETENTION_SECONDS },
      expirationPolicy: { ttl: { seconds: DAY_SECONDS } },
    });
  };
  const look = async (): Promise<number> => {
    making ??= make();
    try {
      await making;
    } catch (error) {
      making = undefined;
      throw error;
    }
    const { messageIds } = await connection.call(pubsubMethods.publish, {
      topic,
      messages: [{ data: Buffer.from("?") }],
    });
    const stampMs = await findStamp({ connection, subscription }, messageIds?.[0] ?? "");
    await new Promise<void>((resolve) => clock.setTimer(resolve, APART_MS));
    return stampMs;
  };
  return {
    now() {
      const next = last.then(() => asked(topic, look));
      last = next.catch(() => undefined);
      return next;
    },
    async close() {
      if (making === undefined) return;
      await connection
        .call(pubsubMethods.deleteSubscription, { subscription }, { answerMsMax: 1_000 })
        .catch(() => undefined);
    },
  };
}

async function findStamp(
  { connection, subscription }: { readonly connection: PubsubConnection; readonly subscription: string },
  messageId: string,
): Promise<number> {
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    const request = { subscription, maxMessages: 10 };
    const { receivedMessages } = await connection.call(pubsubMethods.pull, request);
    const ackIds = (receivedMessages ?? []).map(({ ackId }) => ackId ?? "");
    if (ackIds.length > 0) await connection.call(pubsubMethods.acknowledge, { subscription, ackIds });
    // Others ask for the time too.
    const found = receivedMessages?.find(({ message }) => message?.messageId === messageId);
    if (found !== undefined) return toMs(found.message?.publishTime);
  }
  throw new BusUnavailableError(`${subscription}: the service does not give back what was published`);
}
