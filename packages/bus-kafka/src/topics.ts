import { BusRefusedError } from "@kelvin/bus";
import type { LogSpec } from "@kelvin/bus";
import { groupPrefixOf, topicName } from "./broker-names.ts";
import { isAnswer } from "./kafka-failure.ts";
import { pause } from "./kafka-connection.ts";
import type { KafkaConnection } from "./kafka-connection.ts";
import { systemClock } from "@kelvin/bus";

/** A topic as it is at the broker. */
export interface Topic {
  readonly name: string;
  readonly partitions: number;
  /** Copies of each record, of the partition that has the fewest. */
  readonly replicas: number;
  /** The greatest batch of records that it takes. */
  readonly batchBytesMax: number;
  /** How long records are kept, finished or not; undefined: as long as nobody removes them. */
  readonly retentionMs: number | undefined;
  readonly config: ReadonlyMap<string, string>;
}

/** Kinds of settings. The client has names for them that Node cannot import. */
export const RESOURCE = { topic: 2, broker: 4 } as const;

/** What the broker takes when it does not tell. */
const BATCH_BYTES_MAX = 1_048_588;
const CREATE_TRIES_MAX = 20;
const CREATE_RETRY_MS = 250;

/** The settings of a log that this adapter understands. */
export interface LogSettings {
  /** Copies of each record; undefined: as the broker does it. */
  readonly replicas: number | undefined;
  /** How long records are kept, finished or not; undefined: until all readers have finished them. */
  readonly retentionMs: number | undefined;
  /** What the groups of its readers begin with. */
  readonly groupPrefix: string;
}

/** Reads a log's settings. @throws BusRefusedError that names the one that is wrong */
export function readSettings({ id, settings = {} }: LogSpec, topicPrefix: string): LogSettings {
  const known = new Set(["replicas", "retentionMs", "groupPrefix"]);
  const unknown = Object.keys(settings).find((name) => !known.has(name));
  if (unknown !== undefined) {
    throw new BusRefusedError(`${id}: setting "${unknown}" is not known; known are ${[...known].join(", ")}`);
  }
  const whole = (name: string): number | undefined => {
    const text = settings[name];
    if (text === undefined) return undefined;
    if (!/^[1-9]\d{0,14}$/.test(text))
      throw new BusRefusedError(`${id}: setting ${name} is "${text}"; give a number from 1`);
    return Number(text);
  };
  return {
    replicas: whole("replicas"),
    retentionMs: whole("retentionMs"),
    // Groups belong to the whole cluster, too: a bus that keeps its topics apart keeps them apart as well.
    groupPrefix:
      settings["groupPrefix"] === undefined
        ? groupPrefixOf(topicName(id, topicPrefix))
        : topicPrefix + settings["groupPrefix"],
  };
}

/** The topic of that name; undefined when there is none. @throws BusError */
export async function findTopic(name: string, connection: KafkaConnection): Promise<Topic | undefined> {
  return connection.ask(name, async (admin) => {
    try {
      const { resources } = await admin.describeConfigs({
        includeSynonyms: false,
        resources: [{ type: RESOURCE.topic, name }],
      });
      const entries = resources.flatMap(({ configEntries }) => configEntries);
      const config = new Map(entries.map(({ configName, configValue }) => [configName, configValue]));
      const { topics } = await admin.fetchTopicMetadata({ topics: [name] });
      const partitions = topics[0]?.partitions ?? [];
      return {
        name,
        partitions: partitions.length,
        replicas: partitions.length === 0 ? 0 : Math.min(...partitions.map(({ replicas }) => replicas.length)),
        batchBytesMax: Number(config.get("max.message.bytes") ?? BATCH_BYTES_MAX),
        retentionMs: limitOf(config.get("retention.ms")),
        config,
      };
    } catch (error) {
      if (isAnswer(error, "UNKNOWN_TOPIC_OR_PARTITION")) return undefined;
      throw error;
    }
  });
}

/** Kafka writes -1 for none. */
function limitOf(text = "-1"): number | undefined {
  const limit = Number(text);
  return limit < 0 ? undefined : limit;
}

/** What a topic is made with. */
export interface TopicPlan {
  readonly name: string;
  readonly partitions: number;
  readonly replicas: number | undefined;
  readonly config: Readonly<Record<string, string>>;
}

/** Makes the topic unless it is there. A topic that is being removed is waited for. @throws BusError */
export async function ensureTopic(plan: TopicPlan, connection: KafkaConnection): Promise<Topic> {
  for (let tries = 1; ; tries += 1) {
    const found = await findTopic(plan.name, connection);
    if (found !== undefined && found.partitions > 0) return found;
    if (tries > CREATE_TRIES_MAX) throw new BusRefusedError(`${plan.name}: made, and never there`);
    await createTopic(plan, connection);
    await pause(systemClock, tries === 1 ? 0 : CREATE_RETRY_MS);
  }
}

async function createTopic(
  { name, partitions, replicas, config }: TopicPlan,
  connection: KafkaConnection,
): Promise<void> {
  const configEntries = Object.entries(config).map(([key, value]) => ({ name: key, value }));
  const topic = { topic: name, numPartitions: partitions, replicationFactor: replicas ?? -1, configEntries };
  await connection.ask(name, (admin) => admin.createTopics({ topics: [topic], waitForLeaders: true }));
}

/** Checks that a topic that somebody else made keeps what is promised. @throws BusRefusedError that says what does not fit */
export function checkTopic(topic: Topic, spec: LogSpec, { replicas }: Pick<LogSettings, "replicas">): void {
  const refuse = (what: string, remedy: string): never => {
    throw new BusRefusedError(`${spec.id}: topic ${topic.name} is there, but ${what}; ${remedy}`);
  };
  const policy = topic.config.get("cleanup.policy") ?? "delete";
  if (policy.includes("compact")) {
    refuse(
      `its cleanup.policy is "${policy}", which drops records of one key`,
      `set it to "delete" or give the channel another name`,
    );
  }
  const bytes = topic.config.get("retention.bytes");
  if (limitOf(bytes) !== undefined) {
    refuse(
      `its retention.bytes is "${bytes}", so that it drops the oldest records, delivered or not`,
      `set it to "-1" or give the channel another name`,
    );
  }
  if (topic.partitions < spec.partitions) {
    refuse(
      `has ${topic.partitions} of ${spec.partitions} partitions`,
      "ask for as many as it has, or add some with Kafka's own tools: then keys change their partition",
    );
  }
  if (replicas !== undefined && topic.replicas < replicas) {
    refuse(
      `has ${topic.replicas} of ${replicas} replicas`,
      "ask for as many as it has, or move it to more brokers with Kafka's own tools",
    );
  }
}

/** Removes a topic; one that is not there counts as removed. @throws BusError */
export async function deleteTopic(name: string, connection: KafkaConnection): Promise<void> {
  await connection.ask(name, async (admin) => {
    try {
      await admin.deleteTopics({ topics: [name] });
    } catch (error) {
      if (!isAnswer(error, "UNKNOWN_TOPIC_OR_PARTITION")) throw error;
    }
  });
}
