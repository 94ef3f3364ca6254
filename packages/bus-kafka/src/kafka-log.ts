import { BusUnavailableError, LogFullError, RecordTooLargeError, recordBytes } from "@kelvin/bus";
import type { Backlog, BusLog, BusReader, BusRecord, Clock, LogSpec } from "@kelvin/bus";
import { Partitioners } from "kafkajs";
import { groupName } from "./broker-names.ts";
import { readMarks } from "./finished-marks.ts";
import { openGroupCommit } from "./group-commit.ts";
import { isAnswer } from "./kafka-failure.ts";
import type { KafkaConnection } from "./kafka-connection.ts";
import { openKafkaReader } from "./kafka-reader.ts";
import type { KafkaReader } from "./kafka-reader.ts";
import { toMessage } from "./record-message.ts";
import type { GroupList } from "./group-list.ts";
import { sampleLag } from "./sampled-lag.ts";
import { makeTrimmer } from "./topic-trim.ts";
import { fetchCommitted, fetchEnds, writeEnds } from "./topic-offsets.ts";
import { readSettings } from "./topics.ts";
import type { Topic } from "./topics.ts";

/** What a log works with. */
export interface LogParts {
  readonly connection: KafkaConnection;
  readonly topic: Topic;
  readonly groups: GroupList;
  readonly clock: Clock;
}

/** What a batch and its headers may take of a topic's limit. */
export const OVERHEAD_BYTES = 4 * 1024;
/** The `retention.ms` of a topic that is trimmed by us. */
export const KEPT_FOR_EVER = "-1";
const TROUBLE_MS = 1_500;

/** Opens a handle of a log whose topic is there. */
export function openKafkaLog(spec: LogSpec, { connection, topic, groups, clock }: LogParts): BusLog {
  const { groupPrefix } = readSettings(spec, connection.topicPrefix);
  const readers = new Map<KafkaReader, string>();
  const readerIds = new Set<string>();
  const recordBytesMax = topic.batchBytesMax - OVERHEAD_BYTES;
  const { newClient } = connection;
  const commits = openGroupCommit({ topic: topic.name, newClient, batchBytesMax: topic.batchBytesMax, clock });
  const partitionOf = choosePartition(topic);

  const backlog = async (readerId: string): Promise<number> => {
    const committed = await fetchCommitted(connection, { topic: topic.name, group: groupName(groupPrefix, readerId) });
    const ends = await fetchEnds(connection, topic.name);
    let records = 0;
    for (const [partition, { offset, metadata }] of committed) {
      const { low, high } = ends.get(partition) ?? { low: 0, high: 0 };
      records += Math.max(0, high - Math.max(low, offset) - readMarks(offset, metadata).size);
    }
    return records;
  };
  const oldestOf = (readerId: string): number | undefined => {
    const mine = [...readers].filter(([, id]) => id === readerId).flatMap(([{ oldestMs }]) => oldestMs ?? []);
    return mine.length === 0 ? undefined : Math.min(...mine);
  };
  const lag = sampleLag(async () => {
    const backlogs = await Promise.all([...readerIds].map(backlog));
    return backlogs.length === 0 ? undefined : Math.max(...backlogs);
  }, clock);
  // What Kafka removes by age it removes by itself.
  const isOurs = topic.config.get("retention.ms") === KEPT_FOR_EVER;
  const trimmer = makeTrimmer({ connection, groups, topic: topic.name, groupPrefix, clock });
  return {
    id: spec.id,
    async append(record) {
      refuseInTrouble(connection, clock);
      const bytes = recordBytes(record);
      if (bytes > recordBytesMax) throw new RecordTooLargeError(`${bytes} bytes; this topic takes ${recordBytesMax}`);
      if (readerIds.size > 0 && lag.bytes + bytes > spec.unfinishedBytesMax) {
        throw new LogFullError(`${spec.id}: about ${lag.bytes} bytes wait for delivery; more are not taken`);
      }
      await commits.append([toMessage(record, partitionOf(record), clock.nowMs())]);
      lag.added(bytes);
      if (isOurs) trimmer.touch();
    },
    ends: async () => writeEnds(await fetchEnds(connection, topic.name)),
    async openReader(readerSpec) {
      const group = groupName(groupPrefix, readerSpec.id);
      const { name, retentionMs } = topic;
      const reader = await openKafkaReader({ connection, topic: name, group, retentionMs, clock }, readerSpec);
      readers.set(reader, readerSpec.id);
      readerIds.add(readerSpec.id);
      return withEnd(reader, () => readers.delete(reader));
    },
    async deleteReader(id) {
      const dropped = await backlog(id);
      await deleteGroups([groupName(groupPrefix, id)], connection);
      readerIds.delete(id);
      return dropped;
    },
    async backlog(id): Promise<Backlog> {
      const records = await backlog(id);
      return { records, oldestMs: records === 0 ? undefined : oldestOf(id) };
    },
    async close() {
      await Promise.all([...readers.keys()].map((reader) => reader.close()));
      readers.clear();
      lag.close();
      trimmer.close();
      await commits.close();
    },
  };
}

function withEnd(reader: KafkaReader, onClosed: () => void): BusReader {
  return {
    pause: () => reader.pause(),
    resume: () => reader.resume(),
    async close() {
      await reader.close();
      onClosed();
    },
  };
}

/** Nobody waits for a broker that is known to be away for longer than a connection takes that is made anew. */
function refuseInTrouble({ trouble }: KafkaConnection, clock: Clock): void {
  if (trouble !== undefined && clock.nowMs() - trouble.sinceMs > TROUBLE_MS)
    throw new BusUnavailableError(trouble.reason);
}

/** As Kafka's own clients: by hash of the key; without one in turn. */
function choosePartition({ name, partitions }: Topic): (record: BusRecord) => number {
  const ofKey = Partitioners.DefaultPartitioner();
  const partitionMetadata = Array.from({ length: partitions }, (_, partitionId) => ({
    partitionErrorCode: 0,
    partitionId,
    leader: 0,
    replicas: [],
    isr: [],
  }));
  let turn = 0;
  return ({ key }) => {
    turn += 1;
    if (key === undefined) return turn % partitions;
    return ofKey({ topic: name, partitionMetadata, message: { key, value: null } });
  };
}

/** Removes groups; those that are not there count as removed. @throws BusUnavailableError while one has members */
export async function deleteGroups(groups: readonly string[], connection: KafkaConnection): Promise<void> {
  for (const group of groups) {
    await connection.ask(group, async (admin) => {
      try {
        await admin.deleteGroups([group]);
      } catch (error) {
        if (!isAnswer(error, "GROUP_ID_NOT_FOUND")) throw error;
      }
    });
  }
}
