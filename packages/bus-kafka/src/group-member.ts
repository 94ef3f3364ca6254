import { BusRefusedError, BusUnavailableError } from "@kelvin/bus";
import type { Clock } from "@kelvin/bus";
import type { Consumer, EachBatchPayload, Kafka, KafkaMessage } from "kafkajs";
import { kafkaFailure } from "./kafka-failure.ts";
import { settledWithin } from "./kafka-connection.ts";
import type { Position } from "./partition-window.ts";

/** What was read of one partition. */
export interface ReadBatch {
  readonly partition: number;
  /** The offset that was asked for, and the last one that was looked at. */
  readonly from: number;
  readonly last: number;
  readonly messages: readonly KafkaMessage[];
}

/** What a member is told. Nothing of it may take long or throw. */
export interface MemberEvents {
  /** The group has a new assignment, and these partitions are ours. They are paused. */
  onAssigned(partitions: readonly number[]): void;
  /** False: not wanted; it is read again from wherever the partition is sought. */
  onBatch(batch: ReadBatch): boolean;
  /** Resolves when more of the partition is wanted, or after a moment. Until then nothing is read. */
  readonly untilWanted?: (partition: number) => Promise<void>;
  /** A fetch is over and brought nothing, though it looked everywhere. */
  readonly onEmptyFetch?: () => void;
  /** It could not join, or fell out of the group; it tries again unless it was refused. */
  onTrouble(error: Error): void;
}

/** A member of a consumer group that reads one topic, for ever. */
export interface GroupMember {
  seek(partition: number, offset: number): void;
  pause(partitions: readonly number[]): void;
  resume(partitions: readonly number[]): void;
  /** Resolves when the broker has them. @throws BusUnavailableError when it may not */
  commit(positions: ReadonlyMap<number, Position>): Promise<void>;
  /** Leaves the group. */
  close(): Promise<void>;
}

/** @see joinGroup */
export interface MemberParts {
  readonly newClient: (this: void) => Kafka;
  readonly topic: string;
  readonly group: string;
  /** After this without a sign of life the broker gives its partitions to others. */
  readonly silenceMsMax: number;
  readonly clock: Clock;
}

/** A fetch that finds nothing waits this long; so does a pause before it is noticed that it ended. */
const FETCH_WAIT_MS = 250;
const FETCH_BYTES_MAX = 1024 * 1024;
const RESTART_MS = 500;
const REFUSED_MS = 5_000;
const STOP_MS_MAX = 10_000;
/** Longer than any request may take, the one that waits for the others to join too. */
const STUCK_MS = 60_000;

/**
 * Joins, and joins again whatever happens: the client gives up for ever at errors that it does not take for passing, and
 * may be stuck. A crashed client is never used again.
 */
export function joinGroup(parts: MemberParts, events: MemberEvents): GroupMember {
  const closing = Promise.withResolvers<void>();
  let isClosed = false;
  let life: Life | undefined;
  const live = async (): Promise<void> => {
    while (!isClosed) {
      const mine = startLife(parts, events);
      life = mine;
      const error = await Promise.race([mine.ended, closing.promise]);
      life = undefined;
      await mine.stop();
      if (error === undefined || isClosed) continue;
      const failure = kafkaFailure(error, parts.group);
      events.onTrouble(failure);
      await settledWithin(closing.promise, failure instanceof BusRefusedError ? REFUSED_MS : RESTART_MS, parts.clock);
    }
  };
  const lived = live();
  return {
    seek: (partition, offset) => life?.consumer.seek({ topic: parts.topic, partition, offset: String(offset) }),
    pause: (partitions) => life?.consumer.pause([{ topic: parts.topic, partitions: [...partitions] }]),
    resume: (partitions) => life?.consumer.resume([{ topic: parts.topic, partitions: [...partitions] }]),
    async commit(positions) {
      if (life === undefined) throw new BusUnavailableError(`${parts.group}: not in the group`);
      await life.commit(positions);
    },
    async close() {
      isClosed = true;
      closing.resolve();
      await lived;
    },
  };
}

/** One client, from its start to its end. */
interface Life {
  readonly consumer: Consumer;
  /** Resolves with what ended it. */
  readonly ended: Promise<unknown>;
  commit(positions: ReadonlyMap<number, Position>): Promise<void>;
  stop(): Promise<void>;
}

function startLife(parts: MemberParts, events: MemberEvents): Life {
  const { topic, group, silenceMsMax, clock } = parts;
  const consumer = newConsumer(parts);
  const { promise: ended, resolve: end } = Promise.withResolvers<unknown>();
  let isOver = false;
  let commits = 0;
  let signMs = clock.nowMs();
  const sign = (): void => {
    signMs = clock.nowMs();
  };
  consumer.on(consumer.events.FETCH, sign);
  tellOfEmptyFetches(consumer, () => {
    if (!isOver) events.onEmptyFetch?.();
  });
  consumer.on(consumer.events.COMMIT_OFFSETS, () => {
    commits += 1;
  });
  consumer.on(consumer.events.CRASH, ({ payload }) => end(payload.error));
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    sign();
    if (isOver) return;
    const partitions = payload.memberAssignment[topic] ?? [];
    consumer.pause([{ topic, partitions: [...partitions] }]);
    events.onAssigned(partitions);
  });
  // What holds nothing for us, as the marks of transactions, the client passes over on its own.
  consumer.on(consumer.events.START_BATCH_PROCESS, ({ payload }) => {
    if (isOver || payload.batchSize > 0) return;
    const last = Number(payload.lastOffset);
    const from = Number(payload.firstOffset ?? payload.lastOffset);
    events.onBatch({ partition: payload.partition, from, last, messages: [] });
  });
  const eachBatch = async (payload: EachBatchPayload): Promise<void> => {
    const { batch } = payload;
    const last = Number(batch.lastOffset());
    const read: ReadBatch = { partition: batch.partition, from: askedFor(batch), last, messages: batch.messages };
    if (isOver || !events.onBatch(read)) return;
    payload.resolveOffset(batch.lastOffset());
    await events.untilWanted?.(batch.partition);
  };
  const run = async (): Promise<void> => {
    await consumer.connect();
    // Only for what has no place of its own, which is never left to the client: see `choosePosition`.
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await consumer.run({ autoCommit: false, eachBatchAutoResolve: false, eachBatch });
  };
  run().catch(end);
  const watch = (): void => {
    if (clock.nowMs() - signMs > STUCK_MS) end(new BusUnavailableError(`${group}: no sign of life`));
    else cancelWatch = clock.setTimer(watch, silenceMsMax);
  };
  let cancelWatch = clock.setTimer(watch, silenceMsMax);
  return {
    consumer,
    ended,
    async commit(positions) {
      const before = commits;
      await commitWith(consumer, positions, parts);
      // A client that is not in the group says nothing and commits nothing.
      if (commits === before) throw new BusUnavailableError(`${group}: not in the group`);
    },
    async stop() {
      isOver = true;
      cancelWatch();
      await settledWithin(consumer.disconnect(), STOP_MS_MAX, clock);
    },
  };
}

/** A fetch is empty when the broker answered it, and no batch came of it before the next. */
function tellOfEmptyFetches(consumer: Consumer, onEmpty: () => void): void {
  let isAnswered = false;
  consumer.on(consumer.events.REQUEST, ({ payload }) => {
    if (payload.apiName === "Fetch") isAnswered = true;
  });
  consumer.on(consumer.events.START_BATCH_PROCESS, () => {
    isAnswered = false;
  });
  consumer.on(consumer.events.FETCH_START, () => {
    if (isAnswered) onEmpty();
    isAnswered = false;
  });
}

async function commitWith(
  consumer: Consumer,
  positions: ReadonlyMap<number, Position>,
  { topic, group }: MemberParts,
): Promise<void> {
  const offsets = [...positions].map(([partition, { offset, metadata }]) => ({
    topic,
    partition,
    offset: String(offset),
    metadata,
  }));
  try {
    await consumer.commitOffsets(offsets);
  } catch (error) {
    throw kafkaFailure(error, group);
  }
}

function newConsumer({ newClient, group, silenceMsMax }: MemberParts): Consumer {
  return newClient().consumer({
    groupId: group,
    sessionTimeout: silenceMsMax,
    heartbeatInterval: Math.min(1_000, Math.floor(silenceMsMax / 3)),
    rebalanceTimeout: Math.max(silenceMsMax, 10_000),
    maxWaitTimeInMs: FETCH_WAIT_MS,
    maxBytesPerPartition: FETCH_BYTES_MAX,
    allowAutoTopicCreation: false,
    retry: {
      initialRetryTime: 100,
      maxRetryTime: 1_000,
      retries: 3,
      // Another one takes its place.
      restartOnFailure: () => Promise.resolve(false),
    },
  });
}

/** The client keeps it, and does not say so: what comes from anywhere else than we asked must not pass for the next. */
function askedFor(batch: EachBatchPayload["batch"]): number {
  return "fetchedOffset" in batch ? Number(batch.fetchedOffset) : Number(batch.firstOffset());
}
