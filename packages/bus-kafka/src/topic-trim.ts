import type { Clock } from "@kelvin/bus";
import type { GroupList } from "./group-list.ts";
import type { KafkaConnection } from "./kafka-connection.ts";
import { fetchEnds } from "./topic-offsets.ts";
import type { PartitionEnds } from "./topic-offsets.ts";
import type { Position } from "./partition-window.ts";

/** Removes from a topic what every reader has finished. */
export interface Trimmer {
  /** Something was appended: later there will be something to remove. */
  touch(): void;
  close(): void;
}

/** What a trimmer works on. */
export interface TrimParts {
  readonly connection: KafkaConnection;
  readonly groups: GroupList;
  readonly topic: string;
  /** What the groups of its readers begin with. */
  readonly groupPrefix: string;
  readonly clock: Clock;
}

/** By partition: what is before it everybody has finished. */
export type Floors = ReadonlyMap<number, number>;

const NO_FLOORS: Floors = new Map();

/**
 * Removes up to where every reader was at this look **and** at the one before. A reader that was made since is in neither
 * list of groups, perhaps; but it begins at an end that was not reached at the look before. Any number of processes may
 * trim one topic. While nobody reads nothing is removed.
 */
export function makeTrimmer(parts: TrimParts): Trimmer {
  const { connection, topic, clock } = parts;
  let before = NO_FLOORS;
  let cancel: (() => void) | undefined;
  let isClosed = false;
  const look = async (): Promise<boolean> => {
    const floors = await findFloors(parts);
    const ends = await fetchEnds(connection, topic);
    const removable = removableUpTo({ before, floors, ends });
    before = floors;
    if (removable.length > 0) {
      await connection.ask(topic, async (admin) => {
        // It knows of the leaders only after it was asked for something of the topic.
        await admin.fetchTopicOffsets(topic);
        await admin.deleteTopicRecords({ topic, partitions: removable });
      });
    }
    return [...ends.values()].some(({ low, high }) => low < high);
  };
  const schedule = (): void => {
    if (isClosed) return;
    cancel ??= clock.setTimer(() => {
      look()
        // What fails now is done at the next look, and nothing was lost by it.
        .catch(() => true)
        .then((isMore) => {
          cancel = undefined;
          if (isMore) schedule();
        })
        .catch(() => undefined);
    }, connection.trimMs);
  };
  return {
    touch: schedule,
    close() {
      isClosed = true;
      cancel?.();
    },
  };
}

async function findFloors({ connection, groups, topic, groupPrefix }: TrimParts): Promise<Floors> {
  return lowestOf(await groups.places(topic, { prefix: groupPrefix, ageMsMax: connection.trimMs / 2 }));
}

/** The lowest place of all readers, of each partition in which every one of them has a place. */
export function lowestOf(readers: readonly ReadonlyMap<number, Position>[]): Floors {
  const [first, ...others] = readers;
  const floors = new Map<number, number>();
  for (const [partition, { offset }] of first ?? []) {
    const places = others.map((places) => places.get(partition)?.offset);
    if (places.every((place) => place !== undefined)) floors.set(partition, Math.min(offset, ...places));
  }
  return floors;
}

/** What may go, as the client is told. */
export function removableUpTo({
  before,
  floors,
  ends,
}: {
  readonly before: Floors;
  readonly floors: Floors;
  readonly ends: ReadonlyMap<number, PartitionEnds>;
}): { partition: number; offset: string }[] {
  const removable: { partition: number; offset: string }[] = [];
  for (const [partition, floor] of floors) {
    const { low, high } = ends.get(partition) ?? { low: 0, high: 0 };
    const upTo = Math.min(floor, before.get(partition) ?? 0, high);
    if (upTo > low) removable.push({ partition, offset: String(upTo) });
  }
  return removable;
}
