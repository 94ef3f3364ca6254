import type { Clock } from "@kelvin/bus";
import type { KafkaConnection } from "./kafka-connection.ts";
import type { Position } from "./partition-window.ts";
import { fetchAllCommitted } from "./topic-offsets.ts";

/** Where a group is in one topic, by partition. */
export type GroupPlaces = ReadonlyMap<number, Position>;

/** The groups of the whole cluster, and where they are: asked for once for many topics. */
export interface GroupList {
  /**
   * Where each group with such a name is in a topic, as it was at most `ageMsMax` ago: all of them, but for those that have
   * no place there.
   *
   * @throws BusError when some broker's may be missing
   */
  places(topic: string, which: { readonly prefix: string; readonly ageMsMax: number }): Promise<readonly GroupPlaces[]>;
}

/** Where Kafka keeps the groups: whoever leads a partition of it knows its groups, and no other. */
const KEPT_IN = "__consumer_offsets";

/** @see GroupList */
export function makeGroupList(connection: KafkaConnection, clock: Clock): GroupList {
  const names = makeAnswers(() => listAll(connection), clock);
  const placesOf = makeAnswers((group) => fetchAllCommitted(connection, group), clock);
  return {
    async places(topic, { prefix, ageMsMax }) {
      const all = await names.get("", ageMsMax);
      placesOf.keep(new Set(all));
      const places: GroupPlaces[] = [];
      for (const group of all.filter((name) => name.startsWith(prefix))) {
        // One group after the other: nobody waits for this.
        const found = (await placesOf.get(group, ageMsMax)).get(topic);
        // Without a place it does not read this topic, or is being made: then it begins where nothing is removed.
        if (found !== undefined) places.push(found);
      }
      return places;
    },
  };
}

/** Answers that several may use. */
interface Answers<T> {
  get(about: string, ageMsMax: number): Promise<T>;
  /** Forgets all but these. */
  keep(abouts: ReadonlySet<string>): void;
}

/** An answer that failed is asked for again. */
function makeAnswers<T>(ask: (about: string) => Promise<T>, clock: Clock): Answers<T> {
  const answers = new Map<string, { readonly atMs: number; readonly answer: Promise<T> }>();
  return {
    get(about, ageMsMax) {
      const former = answers.get(about);
      const nowMs = clock.nowMs();
      if (former !== undefined && nowMs - former.atMs <= ageMsMax) return former.answer;
      const mine = { atMs: nowMs, answer: ask(about) };
      answers.set(about, mine);
      mine.answer.catch(() => {
        if (answers.get(about) === mine) answers.delete(about);
      });
      return mine.answer;
    },
    keep(abouts) {
      for (const about of answers.keys()) if (!abouts.has(about)) answers.delete(about);
    },
  };
}

function listAll(connection: KafkaConnection): Promise<readonly string[]> {
  return connection.ask("groups", async (admin) => {
    await expectAllLed();
    const { groups } = await admin.listGroups();
    await expectAllLed();
    return groups.map(({ groupId }) => groupId);

    async function expectAllLed(): Promise<void> {
      const { topics } = await admin.fetchTopicMetadata({ topics: [KEPT_IN] });
      const isLed = topics[0]?.partitions.every(({ leader }) => leader >= 0) ?? false;
      if (!isLed) throw new Error(`${KEPT_IN} has partitions without a leader`);
    }
  });
}
