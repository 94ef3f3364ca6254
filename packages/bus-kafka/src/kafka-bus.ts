import { systemClock } from "@kelvin/bus";
import type { Bus, BusLog, Clock, DeadLetterStore, LogSpec } from "@kelvin/bus";
import { groupPrefixOf, topicName } from "./broker-names.ts";
import { openConnection } from "./kafka-connection.ts";
import type { KafkaConnection, KafkaOptions } from "./kafka-connection.ts";
import { makeGroupList } from "./group-list.ts";
import { openKafkaDeadLetters } from "./kafka-dead-letters.ts";
import type { DeadLetterSpec, KafkaDeadLetters } from "./kafka-dead-letters.ts";
import { deleteGroups, KEPT_FOR_EVER, openKafkaLog, OVERHEAD_BYTES } from "./kafka-log.ts";
import { checkTopic, deleteTopic, ensureTopic, findTopic, readSettings, RESOURCE } from "./topics.ts";
import type { Topic } from "./topics.ts";

/** The bus, and the dead-letter store on the same brokers. */
export interface KafkaBus extends Bus {
  /**
   * Makes the store at the brokers, or takes over the one that is there, and opens it. It is closed with the bus.
   *
   * @throws BusUnavailableError, or BusRefusedError for a bound that is too low.
   */
  openDeadLetterStore(spec: DeadLetterSpec): Promise<DeadLetterStore>;
}

/** What a broker takes that does not tell. */
const MESSAGE_BYTES_MAX = 1_048_588;

/**
 * Opens the bus on Kafka brokers (2.4 or newer).
 *
 * @throws BusUnavailableError when no broker answers; BusRefusedError for wrong credentials.
 */
export async function openKafkaBus(
  options: KafkaOptions,
  { clock = systemClock }: { readonly clock?: Clock } = {},
): Promise<KafkaBus> {
  const connection = await openConnection(options, clock);
  const recordBytesMax = (await findMessageBytesMax(connection)) - OVERHEAD_BYTES;
  const { topicPrefix } = connection;
  const groups = makeGroupList(connection, clock);
  const logs = new Set<BusLog>();
  const stores = new Set<KafkaDeadLetters>();
  const open = (spec: LogSpec, topic: Topic): BusLog => {
    checkTopic(topic, spec, readSettings(spec, topicPrefix));
    const log = openKafkaLog(spec, { connection, topic, groups, clock });
    const opened: BusLog = {
      ...log,
      async close() {
        await log.close();
        logs.delete(opened);
      },
    };
    logs.add(opened);
    return opened;
  };
  return {
    kind: "kafka",
    recordBytesMax,
    get trouble() {
      return connection.trouble;
    },
    async openLog(spec) {
      return open(spec, await ensureTopic(topicPlan(spec, connection), connection));
    },
    async findLog(spec) {
      const topic = await findTopic(topicName(spec.id, topicPrefix), connection);
      return topic === undefined ? undefined : open(spec, topic);
    },
    async deleteLog(id) {
      const topic = topicName(id, topicPrefix);
      await deleteTopic(topic, connection);
      await deleteGroups(await groupsOf(topic, connection), connection);
    },
    async openDeadLetterStore(spec) {
      const store = await openKafkaDeadLetters(spec, { connection, recordBytesMax, clock });
      stores.add(store);
      return store;
    },
    async close() {
      // Side by side: leaving a group takes its time, and a process that ends has not much.
      await Promise.all([...logs, ...stores].map((each) => each.close()));
      await connection.close();
    },
  };
}

/** What is not finished is kept for ever, unless the log's settings say how long. */
function topicPlan(spec: LogSpec, connection: KafkaConnection) {
  const { replicas, retentionMs } = readSettings(spec, connection.topicPrefix);
  return {
    name: topicName(spec.id, connection.topicPrefix),
    partitions: spec.partitions,
    replicas: replicas ?? connection.replicas,
    config: {
      "cleanup.policy": "delete",
      "retention.ms": String(retentionMs ?? KEPT_FOR_EVER),
      "retention.bytes": "-1",
    },
  };
}

async function findMessageBytesMax(connection: KafkaConnection): Promise<number> {
  const found = await connection.ask("message.max.bytes", async (admin) => {
    const { brokers } = await admin.describeCluster();
    const name = String(brokers[0]?.nodeId ?? 0);
    const resource = { type: RESOURCE.broker, name, configNames: ["message.max.bytes"] };
    // Whoever may not ask is not stopped by it: each topic's own limit counts.
    const answer = await admin
      .describeConfigs({ includeSynonyms: false, resources: [resource] })
      .catch(() => undefined);
    return answer?.resources[0]?.configEntries[0]?.configValue;
  });
  return Number(found ?? MESSAGE_BYTES_MAX);
}

/** Groups with the topic's own prefix. Those that its settings named otherwise go when their readers are deleted. */
async function groupsOf(topic: string, connection: KafkaConnection): Promise<string[]> {
  const { groups } = await connection.ask(topic, (admin) => admin.listGroups());
  return groups.map(({ groupId }) => groupId).filter((groupId) => groupId.startsWith(groupPrefixOf(topic)));
}
