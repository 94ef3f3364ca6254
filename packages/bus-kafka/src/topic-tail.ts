import { randomUUID } from "node:crypto";
import { BusUnavailableError } from "@kelvin/bus";
import type { Clock } from "@kelvin/bus";
import type { KafkaMessage } from "kafkajs";
import { joinGroup } from "./group-member.ts";
import type { GroupMember, ReadBatch } from "./group-member.ts";
import { ANSWER_MS_MAX } from "./kafka-connection.ts";
import type { KafkaConnection } from "./kafka-connection.ts";
import { fetchEnds } from "./topic-offsets.ts";

/** Follows a topic of one partition from its first record on, for this process alone. */
export interface TopicTail {
  /** Resolves when everything that is there at this moment was seen. @throws BusUnavailableError */
  catchUp(patienceMs?: number): Promise<void>;
  /** Resolves when the record at that offset was seen. @throws BusUnavailableError */
  seen(offset: number): Promise<void>;
  /** The records at these offsets, as far as they are still there. @throws BusUnavailableError */
  read(offsets: readonly number[]): Promise<readonly KafkaMessage[]>;
  close(): Promise<void>;
}

/** @see openTail */
export interface TailParts {
  readonly connection: KafkaConnection;
  readonly topic: string;
  readonly clock: Clock;
  /** Told of each record once, in order. */
  readonly onMessage: (message: KafkaMessage) => void;
}

/** Going through what was seen before, for some of it. */
interface Search {
  from: number;
  readonly wanted: Set<number>;
  readonly last: number;
  readonly found: KafkaMessage[];
}

/** A fetch may have been under way when it was asked; the one after it was not. */
const EMPTY_FETCHES = 2;
const SEARCH_MS_MAX = ANSWER_MS_MAX * 4;

/** Begins to follow. */
export function openTail(parts: TailParts): TopicTail {
  const { connection, topic, clock } = parts;
  const place: TailPlace = { next: 0, search: undefined, emptyFetches: 0, changed: makeChanges(topic, clock) };
  const { changed } = place;
  const member = followWith(parts, place);
  let reading: Promise<unknown> = Promise.resolve();
  const searchFor = async (offsets: readonly number[]): Promise<readonly KafkaMessage[]> => {
    const [from, last] = [Math.min(...offsets), Math.max(...offsets)];
    const mine: Search = { from, last, wanted: new Set(offsets), found: [] };
    place.search = mine;
    member.seek(0, from);
    try {
      await changed.until(() => place.search !== mine, SEARCH_MS_MAX);
    } finally {
      if (place.search === mine) {
        place.search = undefined;
        member.seek(0, place.next);
      }
    }
    return mine.found;
  };
  return {
    async catchUp(patienceMs = ANSWER_MS_MAX) {
      const high = (await fetchEnds(connection, topic)).get(0)?.high ?? 0;
      place.emptyFetches = 0;
      // The last records may be gone, compacted: then nothing comes, and there is nothing to wait for.
      const isAtEnd = (): boolean => place.search === undefined && place.emptyFetches >= EMPTY_FETCHES;
      await changed.until(() => place.next >= high || isAtEnd(), patienceMs);
    },
    seen: (offset) => changed.until(() => place.next > offset, ANSWER_MS_MAX),
    read(offsets) {
      if (offsets.length === 0) return Promise.resolve([]);
      const result = reading.then(() => searchFor(offsets));
      reading = result.catch(() => undefined);
      return result;
    },
    close: () => member.close(),
  };
}

/** Where a tail is. */
interface TailPlace {
  next: number;
  search: Search | undefined;
  emptyFetches: number;
  readonly changed: Changes;
}

function followWith({ connection, topic, clock, onMessage }: TailParts, place: TailPlace): GroupMember {
  const { newClient, silenceMsMax } = connection;
  // Nothing is committed, so that the broker forgets the group when it is left.
  const group = `${topic}/tail-${randomUUID()}`;
  const follow = ({ from, last, messages }: ReadBatch): boolean => {
    if (from !== place.next) {
      member.seek(0, place.next);
      return false;
    }
    place.next = last + 1;
    for (const message of messages) onMessage(message);
    return true;
  };
  const goOnSearching = (batch: ReadBatch, search: Search): boolean => {
    goThrough(batch, search);
    if (search.from <= search.last) return true;
    place.search = undefined;
    member.seek(0, place.next);
    return true;
  };
  const member: GroupMember = joinGroup(
    { newClient, topic, group, silenceMsMax, clock },
    {
      onAssigned() {
        member.seek(0, place.search?.from ?? place.next);
        member.resume([0]);
      },
      onBatch(batch) {
        place.emptyFetches = 0;
        const { search } = place;
        const isTaken = batch.from === search?.from ? goOnSearching(batch, search) : follow(batch);
        place.changed.tell();
        return isTaken;
      },
      onEmptyFetch() {
        place.emptyFetches += 1;
        place.changed.tell();
      },
      onTrouble: () => undefined,
    },
  );
  return member;
}

/** Those who wait for something to become so. */
interface Changes {
  tell(): void;
  until(isSo: () => boolean, patienceMs: number): Promise<void>;
}

function makeChanges(topic: string, clock: Clock): Changes {
  const waiting = new Set<() => void>();
  return {
    tell() {
      for (const look of waiting) look();
    },
    until(isSo, patienceMs) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const end = (act: () => void): void => {
        waiting.delete(look);
        cancel();
        act();
      };
      const look = (): void => {
        if (isSo()) end(resolve);
      };
      const cancel = clock.setTimer(() => {
        end(() => reject(new BusUnavailableError(`${topic}: not read in ${patienceMs} ms`)));
      }, patienceMs);
      waiting.add(look);
      look();
      return promise;
    },
  };
}

function goThrough({ last, messages }: ReadBatch, search: Search): void {
  for (const message of messages) if (search.wanted.has(Number(message.offset))) search.found.push(message);
  search.from = last + 1;
}
