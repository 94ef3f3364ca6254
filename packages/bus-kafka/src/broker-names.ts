import { createHash } from "node:crypto";

/** Letters that the name of a topic or group may hold. */
const ILLEGAL = /[^A-Za-z0-9._-]/g;
/** Kafka takes 249; what is made of a log's name is longer than it. */
const READABLE_MAX = 180;

/**
 * A name at the broker for a name of ours: readable, and never the same for two of ours, whatever they hold. The hash is
 * left out where nothing had to be changed, so that `{namespace}.{channel}` stays what it always was.
 */
export function brokerName(name: string): string {
  const readable = name.replace(ILLEGAL, "-");
  if (readable === name && name.length <= READABLE_MAX && !/^\.*$/.test(name)) return name;
  const mark = createHash("sha256").update(name).digest("hex").slice(0, 10);
  return `${readable.slice(0, READABLE_MAX)}-${mark}`;
}

/** What every topic of a bus may begin with: `TOPIC_PREFIX` says what is allowed. */
export const TOPIC_PREFIX = /^[A-Za-z0-9._-]{0,40}$/;

/** The topic of a log. Buses with prefixes of their own are strangers on the same brokers. */
export function topicName(logId: string, topicPrefix = ""): string {
  return topicPrefix + brokerName(logId);
}

/** What the groups of a log's topic begin with. No topic's name holds a slash, so that no two logs share a group. */
export function groupPrefixOf(topic: string): string {
  return `${topic}/`;
}

/**
 * The consumer group of a reader. Groups belong to the whole cluster, so that the topic's name stands before the reader's,
 * unless the log says what stands there: v0.1 had `{bus}.{namespace}.{subscription}`.
 */
export function groupName(prefix: string, readerId: string): string {
  return prefix + brokerName(readerId);
}
