import type { KafkaMessage } from "kafkajs";
import { fromHeaders } from "./record-message.ts";

/** A dead letter, as far as it is kept in memory: its content stays at the broker. */
export interface IndexedLetter {
  readonly key: string;
  readonly consumerId: string;
  readonly offset: number;
  readonly bytes: number;
}

/** What the topic's records say, read in order: which letters there are, and how many were thrown out. */
export interface LetterIndex {
  /** Bytes of all letters. */
  readonly bytes: number;
  readonly oldest: IndexedLetter | undefined;
  /** A consumer's letters, oldest first. */
  of(consumerId: string): readonly IndexedLetter[];
  find(consumerId: string, offset: number): IndexedLetter | undefined;
  evicted(consumerId: string): number;
  /** Takes a record in. Returns the letter that it removed. */
  apply(message: KafkaMessage): IndexedLetter | undefined;
}

/** What the store notes in headers begins with this. */
export const NOTE = "kelvin-dead-";
/** What says whose letter it is. */
export const CONSUMER_NOTE = `${NOTE}consumer`;

const LETTER = "letter/";
const EVICTED = "evicted/";
/** What a letter takes beside its content, here and at the broker. */
const LETTER_OVERHEAD = 300;

/** The key of a letter; `unique` is used once. */
export function letterKey(unique: string): string {
  return LETTER + unique;
}

/** The key of a consumer's count of letters that were thrown out. */
export function evictedKey(consumerId: string): string {
  return EVICTED + encodeURIComponent(consumerId);
}

/** What a letter counts for. */
export function letterBytes(headers: readonly string[], body: Buffer): number {
  return headers.reduce((sum, text) => sum + text.length, body.length + LETTER_OVERHEAD);
}

/** @see LetterIndex */
export function makeLetterIndex(): LetterIndex {
  // Both in order of offsets, since that is how they come.
  const letters = new Map<string, IndexedLetter>();
  const byConsumer = new Map<string, Map<number, IndexedLetter>>();
  const evicted = new Map<string, number>();
  let bytes = 0;

  const remove = (key: string): IndexedLetter | undefined => {
    const letter = letters.get(key);
    if (letter === undefined) return undefined;
    letters.delete(key);
    bytes -= letter.bytes;
    const own = byConsumer.get(letter.consumerId);
    own?.delete(letter.offset);
    if (own?.size === 0) byConsumer.delete(letter.consumerId);
    return letter;
  };
  const add = (key: string, message: KafkaMessage): void => {
    // A repetition of what was sent once: the later one stays when the topic is compacted.
    remove(key);
    const { consumerId, size } = describe(message);
    const letter = { key, consumerId, offset: Number(message.offset), bytes: size };
    letters.set(key, letter);
    bytes += size;
    const own = byConsumer.get(consumerId) ?? new Map<number, IndexedLetter>();
    byConsumer.set(consumerId, own.set(letter.offset, letter));
  };
  return {
    get bytes() {
      return bytes;
    },
    get oldest() {
      return letters.values().next().value;
    },
    of: (consumerId) => [...(byConsumer.get(consumerId)?.values() ?? [])],
    find: (consumerId, offset) => byConsumer.get(consumerId)?.get(offset),
    evicted: (consumerId) => evicted.get(consumerId) ?? 0,
    apply(message) {
      const key = message.key?.toString() ?? "";
      if (key.startsWith(EVICTED)) {
        const consumerId = decodeURIComponent(key.slice(EVICTED.length));
        if (message.value === null) evicted.delete(consumerId);
        else evicted.set(consumerId, Math.max(evicted.get(consumerId) ?? 0, Number(message.value.toString())));
        return undefined;
      }
      if (!key.startsWith(LETTER)) return undefined;
      if (message.value === null) return remove(key);
      add(key, message);
      return undefined;
    },
  };
}

function describe({ headers, value }: KafkaMessage): { readonly consumerId: string; readonly size: number } {
  const own = fromHeaders(headers).filter((_, index, all) => !(all[index - (index % 2)] ?? "").startsWith(NOTE));
  const size = letterBytes(own, value ?? Buffer.alloc(0));
  return { consumerId: decodeURIComponent(headers?.[CONSUMER_NOTE]?.toString() ?? ""), size };
}
