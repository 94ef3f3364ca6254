import { randomUUID } from "node:crypto";
import { BusRefusedError, LogFullError } from "@kelvin/bus";
import type { Clock, DeadLetter, DeadLetterReason, DeadLetterStore } from "@kelvin/bus";
import type { KafkaMessage } from "kafkajs";
import { brokerName } from "./broker-names.ts";
import { openGroupCommit } from "./group-commit.ts";
import type { GroupCommit } from "./group-commit.ts";
import type { KafkaConnection } from "./kafka-connection.ts";
import { CONSUMER_NOTE, evictedKey, letterBytes, letterKey, makeLetterIndex, NOTE } from "./letter-index.ts";
import type { IndexedLetter, LetterIndex } from "./letter-index.ts";
import { fromHeaders, toMessage } from "./record-message.ts";
import type { OutMessage } from "./record-message.ts";
import { openTail } from "./topic-tail.ts";
import type { TopicTail } from "./topic-tail.ts";
import { ensureTopic } from "./topics.ts";

/** Where dead letters are kept. */
export interface DeadLetterSpec {
  /** The name at the broker; no log and no other store has it. */
  readonly id: string;
  /** Over this the oldest letters of all consumers are thrown out, counted. At least the greatest record. */
  readonly bytesMax: number;
  /** Copies at the brokers; undefined: as the broker does it. */
  readonly replicas?: number;
}

const DETAIL_CHARS_MAX = 500;
const ID_DIGITS = 16;
/** Above any record, so that each fits; small, since only what is behind the last one is compacted. */
const SEGMENT_BYTES = 16 * 1024 * 1024;
/** What was there before is read once, whatever it is. */
const OPEN_MS_MAX = 60_000;
/** Tombstones that go together. */
const TOMBSTONES_MAX = 500;

/** The store, and what closes it with its bus. */
export interface KafkaDeadLetters extends DeadLetterStore {
  close(): Promise<void>;
}

interface Store {
  readonly bytesMax: number;
  readonly clock: Clock;
  readonly index: LetterIndex;
  readonly tail: TopicTail;
  readonly commits: GroupCommit;
  /** By key: where the letter was removed first, of those whose removal somebody waits for. */
  readonly removedAt: Map<string, number | undefined>;
  /** What was appended here and not seen yet: bytes by key. */
  readonly underWay: Map<string, number>;
}

/** Makes the store's topic, or takes over the one that is there, and reads what it holds. @throws BusError */
export async function openKafkaDeadLetters(
  spec: DeadLetterSpec,
  { connection, recordBytesMax, clock }: StoreParts,
): Promise<KafkaDeadLetters> {
  if (spec.bytesMax < recordBytesMax) {
    throw new BusRefusedError(
      `${spec.id}: bytesMax is ${spec.bytesMax}, but one record may have ${recordBytesMax}; allow at least that`,
    );
  }
  const topic = await ensureLetterTopic(spec, connection, recordBytesMax);
  const store = startStore(topic, { spec, connection, clock });
  try {
    await store.tail.catchUp(OPEN_MS_MAX);
  } catch (error) {
    await closeStore(store);
    throw error;
  }
  const inTurn = makeTurns();
  return {
    append: (letter) => append(letter, store, inTurn),
    list: (consumerId, page) => list(consumerId, page, store),
    remove: (consumerId, id) => inTurn(() => remove(consumerId, id, store)),
    async count(consumerId) {
      await store.tail.catchUp();
      return { letters: store.index.of(consumerId).length, evicted: store.index.evicted(consumerId) };
    },
    clear: (consumerId) => inTurn(() => clear(consumerId, store)),
    close: () => closeStore(store),
  };
}

interface StoreParts {
  readonly connection: KafkaConnection;
  readonly recordBytesMax: number;
  readonly clock: Clock;
}

async function ensureLetterTopic(spec: DeadLetterSpec, connection: KafkaConnection, recordBytesMax: number) {
  const name = `${connection.topicPrefix}kelvin-dead-${brokerName(spec.id)}`;
  const segmentBytes = String(Math.max(SEGMENT_BYTES, recordBytesMax * 2));
  const config = { "cleanup.policy": "compact", "segment.bytes": segmentBytes, "min.cleanable.dirty.ratio": "0.2" };
  const topic = await ensureTopic(
    { name, partitions: 1, replicas: spec.replicas ?? connection.replicas, config },
    connection,
  );
  const policy = topic.config.get("cleanup.policy");
  if (topic.partitions === 1 && policy === "compact") return topic;
  throw new BusRefusedError(
    `${spec.id}: topic ${name} is there with ${topic.partitions} partitions and cleanup.policy "${policy}", but must have ` +
      `1 and "compact"; delete it`,
  );
}

function startStore(
  topic: { readonly name: string; readonly batchBytesMax: number },
  { spec, connection, clock }: { spec: DeadLetterSpec; connection: KafkaConnection; clock: Clock },
): Store {
  const index = makeLetterIndex();
  const removedAt: Store["removedAt"] = new Map();
  const underWay: Store["underWay"] = new Map();
  const onMessage = (message: KafkaMessage): void => {
    const removed = index.apply(message);
    underWay.delete(message.key?.toString() ?? "");
    if (removed !== undefined && removedAt.has(removed.key)) removedAt.set(removed.key, Number(message.offset));
  };
  const tail = openTail({ connection, topic: topic.name, clock, onMessage });
  const { newClient } = connection;
  // Not numbered by the producer: what is repeated has the same key. And of numbered ones a compacted topic keeps empty
  // batches, at which the client stops for ever.
  const commits = openGroupCommit({
    topic: topic.name,
    newClient,
    batchBytesMax: topic.batchBytesMax,
    clock,
    isIdempotent: false,
  });
  return { bytesMax: spec.bytesMax, clock, index, tail, commits, removedAt, underWay };
}

async function closeStore({ commits, tail }: Store): Promise<void> {
  await commits.close();
  await tail.close();
}

type InTurn = <T>(work: () => Promise<T>) => Promise<T>;

/** One after the other. */
function makeTurns(): InTurn {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const mine = last.then(work);
    last = mine.catch(() => undefined);
    return mine;
  };
}

async function append(letter: Omit<DeadLetter, "id" | "storedAtMs">, store: Store, inTurn: InTurn): Promise<void> {
  const key = letterKey(randomUUID());
  const bytes = letterBytes(letter.headers, letter.body);
  if (bytesWith(bytes, store) > store.bytesMax) await inTurn(() => makeRoom(bytes, store));
  store.underWay.set(key, bytes);
  try {
    await store.commits.append([letterMessage(letter, key, store.clock.nowMs())]);
  } catch (error) {
    // It may be there; the index counts it when it is seen.
    store.underWay.delete(key);
    throw error;
  }
}

function bytesWith(bytes: number, { index, underWay }: Store): number {
  let sum = index.bytes + bytes;
  for (const each of underWay.values()) sum += each;
  return sum;
}

/** The tombstone and the count are one batch, so that no kill comes between, and no letter is counted twice. */
async function makeRoom(bytes: number, store: Store): Promise<void> {
  const { index, tail, commits, clock, bytesMax } = store;
  await tail.catchUp();
  while (bytesWith(bytes, store) > bytesMax) {
    const { oldest } = index;
    if (oldest === undefined) throw new LogFullError(`no room for ${bytes} bytes, and no letter to throw out for it`);
    const { consumerId } = oldest;
    const count = String(index.evicted(consumerId) + 1);
    const nowMs = clock.nowMs();
    const offset = await commits.append([
      tombstone(oldest.key, nowMs),
      toOut(evictedKey(consumerId), Buffer.from(count), nowMs),
    ]);
    await tail.seen(offset + 1);
  }
}

async function list(
  consumerId: string,
  { after = "", limit }: { readonly after?: string; readonly limit: number },
  { index, tail }: Store,
): Promise<readonly DeadLetter[]> {
  await tail.catchUp();
  const afterOffset = offsetOf(after) ?? -1;
  const letters = index
    .of(consumerId)
    .filter(({ offset }) => offset > afterOffset)
    .slice(0, limit);
  const messages = await tail.read(letters.map(({ offset }) => offset));
  return messages.map((message) => readLetter(message));
}

async function remove(consumerId: string, id: string, store: Store): Promise<boolean> {
  const { index, tail, commits, removedAt, clock } = store;
  await tail.catchUp();
  const letter = index.find(consumerId, offsetOf(id) ?? -1);
  if (letter === undefined) return false;
  removedAt.set(letter.key, undefined);
  try {
    const offset = await commits.append([tombstone(letter.key, clock.nowMs())]);
    await tail.seen(offset);
    // Somebody else may have been faster.
    return removedAt.get(letter.key) === offset;
  } finally {
    removedAt.delete(letter.key);
  }
}

async function clear(consumerId: string, { index, tail, commits, clock }: Store): Promise<number> {
  await tail.catchUp();
  const letters: readonly IndexedLetter[] = index.of(consumerId);
  const keys = [...letters.map(({ key }) => key), ...(index.evicted(consumerId) > 0 ? [evictedKey(consumerId)] : [])];
  for (let from = 0; from < keys.length; from += TOMBSTONES_MAX) {
    const batch = keys.slice(from, from + TOMBSTONES_MAX).map((key) => tombstone(key, clock.nowMs()));
    const offset = await commits.append(batch);
    await tail.seen(offset + batch.length - 1);
  }
  return letters.length;
}

function letterMessage(letter: Omit<DeadLetter, "id" | "storedAtMs">, key: string, nowMs: number): OutMessage {
  const { consumerId, reason, detail, headers, body } = letter;
  const cutDetail = encodeURIComponent(detail.slice(0, DETAIL_CHARS_MAX).toWellFormed());
  const notes = [CONSUMER_NOTE, encodeURIComponent(consumerId), `${NOTE}reason`, reason, `${NOTE}detail`, cutDetail];
  return toMessage({ headers: [...headers, ...notes], body, key }, 0, nowMs);
}

function tombstone(key: string, nowMs: number): OutMessage {
  return toOut(key, null, nowMs);
}

function toOut(key: string, value: Buffer | null, nowMs: number): OutMessage {
  const { message, bytes } = toMessage({ headers: [], body: value ?? Buffer.alloc(0), key }, 0, nowMs);
  return { message: { ...message, value }, bytes };
}

/** An offset of an id; undefined for what is none of ours. */
function offsetOf(id: string): number | undefined {
  return /^\d+$/.test(id) ? Number(id) : undefined;
}

function readLetter(message: KafkaMessage): DeadLetter {
  const notes = new Map<string, string>();
  const headers: string[] = [];
  const all = fromHeaders(message.headers);
  for (let index = 0; index + 1 < all.length; index += 2) {
    const [name = "", value = ""] = all.slice(index, index + 2);
    if (name.startsWith(NOTE)) notes.set(name.slice(NOTE.length), value);
    else headers.push(name, value);
  }
  return {
    id: message.offset.padStart(ID_DIGITS, "0"),
    consumerId: decodeURIComponent(notes.get("consumer") ?? ""),
    reason: (notes.get("reason") ?? "Rejected") as DeadLetterReason,
    detail: decodeURIComponent(notes.get("detail") ?? ""),
    storedAtMs: Number(message.timestamp),
    headers,
    body: message.value ?? Buffer.alloc(0),
  };
}
