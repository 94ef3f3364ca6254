import { BusRefusedError, LogFullError } from "@kelvin/bus";
import type { DeadLetter, DeadLetterReason, DeadLetterStore } from "@kelvin/bus";
import { DiscardPolicy, headers as newHeaders, RetentionPolicy, StorageType } from "nats";
import type { StoredMsg, StreamConfig } from "nats";
import { brokerName } from "./broker-names.ts";
import { openEvictionCounts } from "./eviction-counts.ts";
import type { EvictionCounts } from "./eviction-counts.ts";
import { fromHeaders, toHeaders } from "./message.ts";
import { ignoreMissing, isStoreFull, natsFailure } from "./nats-connection.ts";
import type { JetStreamConnection } from "./nats-connection.ts";

/** Where dead letters are kept. */
export interface DeadLetterSpec {
  /** The name at the broker; no log and no other store has it. */
  readonly id: string;
  /** Over this the oldest letters of all consumers are thrown out, counted. At least the greatest record. */
  readonly bytesMax: number;
  /** Copies at the servers; default 1. */
  readonly replicas?: number;
}

const NOTE = "kelvin-dead-";
const DETAIL_CHARS_MAX = 500;
const ID_DIGITS = 16;
/** Letters thrown out for a new one, before somebody else's are taken to be in the way. */
const EVICTIONS_MAX = 10_000;

interface Store {
  readonly connection: JetStreamConnection;
  readonly stream: string;
  readonly evictions: EvictionCounts;
  readonly subjectOf: (consumerId: string) => string;
}

/** Makes the store's streams at the server, or takes over those that are there. @throws BusError */
export async function openJetStreamDeadLetters(
  spec: DeadLetterSpec,
  { connection, recordBytesMax }: { readonly connection: JetStreamConnection; readonly recordBytesMax: number },
): Promise<DeadLetterStore> {
  if (spec.bytesMax < recordBytesMax) {
    throw new BusRefusedError(
      `${spec.id}: bytesMax is ${spec.bytesMax}, but one record may have ${recordBytesMax}; allow at least that`,
    );
  }
  const name = brokerName(spec.id);
  const stream = `KELVIN-DEAD-${name}`;
  const prefix = `kelvin-dead.${name}`;
  await asked(spec.id, () =>
    ensureStream({ ...letterConfig(spec), name: stream, subjects: [`${prefix}.*`] }, connection),
  );
  const evictions = await asked(spec.id, () => openEvictionCounts(name, spec.replicas ?? 1, connection));
  const subjectOf = (consumerId: string): string => `${prefix}.${brokerName(consumerId)}`;
  const store: Store = { connection, stream, evictions, subjectOf };
  return {
    append: (letter) => asked(spec.id, () => append(letter, store)),
    list: (consumerId, page) => asked(spec.id, () => list(consumerId, page, store)),
    remove: (consumerId, id) => asked(spec.id, () => remove(consumerId, id, store)),
    count: (consumerId) =>
      asked(spec.id, async () => ({
        letters: await countOf(consumerId, store),
        evicted: (await evictions.of(consumerId)).evicted,
      })),
    clear: (consumerId) =>
      asked(spec.id, async () => {
        const { purged } = await connection.manager.streams.purge(stream, { filter: subjectOf(consumerId) });
        await evictions.forget(consumerId);
        return purged;
      }),
  };
}

/** At the bound the newest is refused, so that the oldest goes by our hand and is counted. */
function letterConfig({ bytesMax, replicas = 1 }: DeadLetterSpec): Partial<StreamConfig> {
  return {
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    discard: DiscardPolicy.New,
    max_bytes: bytesMax,
    num_replicas: replicas,
  };
}

async function ensureStream(
  wanted: Partial<StreamConfig> & Pick<StreamConfig, "name" | "subjects">,
  { manager }: JetStreamConnection,
): Promise<void> {
  const found = await ignoreMissing(manager.streams.info(wanted.name));
  if (found === undefined) await manager.streams.add(wanted);
  else if (found.config.max_bytes !== wanted.max_bytes) await manager.streams.update(wanted.name, wanted);
}

async function append(letter: Omit<DeadLetter, "id" | "storedAtMs">, store: Store): Promise<void> {
  const { consumerId, reason, detail } = letter;
  const headers = newHeaders();
  for (const [name, values] of toHeaders(letter)) for (const value of values) headers.append(name, value);
  headers.set(`${NOTE}consumer`, encodeURIComponent(consumerId));
  headers.set(`${NOTE}reason`, reason);
  headers.set(`${NOTE}detail`, encodeURIComponent(detail.slice(0, DETAIL_CHARS_MAX).toWellFormed()));
  for (let evictions = 0; ; evictions += 1) {
    try {
      const { connection } = store;
      const publish = () => connection.jetStream.publish(store.subjectOf(consumerId), letter.body, { headers });
      await connection.whileThere(publish);
      return;
    } catch (error) {
      if (!isStoreFull(error)) throw error;
      if (evictions >= EVICTIONS_MAX || !(await evictOldest(store))) {
        throw new LogFullError(`${store.stream}: no room, and no letter to throw out for it`);
      }
    }
  }
}

/**
 * Counts before it deletes: a kill in between leaves a letter that the next eviction deletes without counting it again.
 * False when there is none.
 */
async function evictOldest({ connection, stream, evictions }: Store): Promise<boolean> {
  const { streams } = connection.manager;
  const { state } = await streams.info(stream);
  if (state.messages === 0) return false;
  const oldest = await ignoreMissing(streams.getMessage(stream, { seq: state.first_seq }));
  if (oldest === undefined) return true;
  await evictions.note(readLetter(oldest).consumerId, oldest.seq);
  await ignoreMissing(streams.deleteMessage(stream, oldest.seq, false));
  return true;
}

async function list(
  consumerId: string,
  { after = "", limit }: { readonly after?: string; readonly limit: number },
  { connection, stream, subjectOf }: Store,
): Promise<readonly DeadLetter[]> {
  const letters: DeadLetter[] = [];
  let sequence = sequenceOf(after) + 1;
  while (letters.length < limit) {
    // The server takes both together: the first at or after that place, of that subject.
    const query = { seq: sequence, next_by_subj: subjectOf(consumerId) };
    const found = await ignoreMissing(connection.manager.streams.getMessage(stream, query));
    if (found === undefined) return letters;
    letters.push(readLetter(found));
    sequence = found.seq + 1;
  }
  return letters;
}

async function remove(consumerId: string, id: string, { connection, stream, subjectOf }: Store): Promise<boolean> {
  const { streams } = connection.manager;
  const sequence = sequenceOf(id);
  if (sequence < 1) return false;
  const found = await ignoreMissing(streams.getMessage(stream, { seq: sequence }));
  if (found?.subject !== subjectOf(consumerId)) return false;
  // Undefined: somebody else was faster.
  return (await ignoreMissing(streams.deleteMessage(stream, sequence, false))) ?? false;
}

async function countOf(consumerId: string, { connection, stream, subjectOf }: Store): Promise<number> {
  const subject = subjectOf(consumerId);
  const { state } = await connection.manager.streams.info(stream, { subjects_filter: subject });
  return state.subjects?.[subject] ?? 0;
}

function sequenceOf(id: string): number {
  return /^\d+$/.test(id) ? Number(id) : 0;
}

function readLetter(message: StoredMsg): DeadLetter {
  const notes = new Map<string, string>();
  const headers: string[] = [];
  const all = fromHeaders(message.header);
  for (let index = 0; index + 1 < all.length; index += 2) {
    const [name = "", value = ""] = all.slice(index, index + 2);
    if (name.startsWith(NOTE)) notes.set(name.slice(NOTE.length), value);
    else headers.push(name, value);
  }
  return {
    id: String(message.seq).padStart(ID_DIGITS, "0"),
    consumerId: decodeURIComponent(notes.get("consumer") ?? ""),
    reason: (notes.get("reason") ?? "Rejected") as DeadLetterReason,
    detail: decodeURIComponent(notes.get("detail") ?? ""),
    storedAtMs: message.time.getTime(),
    headers,
    body: Buffer.from(message.data),
  };
}

async function asked<T>(what: string, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    throw error instanceof LogFullError ? error : natsFailure(error, what);
  }
}
