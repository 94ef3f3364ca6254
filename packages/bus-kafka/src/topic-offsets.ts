import type { KafkaConnection } from "./kafka-connection.ts";
import type { Position } from "./partition-window.ts";

/** The first record of a partition that is kept, and the one that will come next. */
export interface PartitionEnds {
  readonly low: number;
  readonly high: number;
}

/** By partition. @throws BusError */
export async function fetchEnds(
  connection: KafkaConnection,
  topic: string,
): Promise<ReadonlyMap<number, PartitionEnds>> {
  const offsets = await connection.ask(topic, (admin) => admin.fetchTopicOffsets(topic));
  return new Map(offsets.map(({ partition, low, high }) => [partition, { low: Number(low), high: Number(high) }]));
}

/** What the group has said of each topic that it has a place in, by partition. @throws BusError */
export async function fetchAllCommitted(
  connection: KafkaConnection,
  group: string,
): Promise<ReadonlyMap<string, ReadonlyMap<number, Position>>> {
  // The client takes an empty list for all there are.
  const found = await connection.ask(group, (admin) => admin.fetchOffsets({ groupId: group, topics: [] }));
  const placed = found.map(({ topic, partitions }) => [topic, positionsOf(partitions)] as const);
  return new Map(placed.filter(([, positions]) => positions.size > 0));
}

/** What the group has said of each partition; those of which it said nothing are missing. @throws BusError */
export async function fetchCommitted(
  connection: KafkaConnection,
  { topic, group }: { readonly topic: string; readonly group: string },
): Promise<ReadonlyMap<number, Position>> {
  const found = await connection.ask(group, (admin) => admin.fetchOffsets({ groupId: group, topics: [topic] }));
  return positionsOf(found.flatMap(({ partitions }) => partitions));
}

function positionsOf(
  partitions: readonly { partition: number; offset: string; metadata: string | null }[],
): ReadonlyMap<number, Position> {
  return new Map(
    partitions
      .filter(({ offset }) => offset !== "-1")
      .map(({ partition, offset, metadata }) => [partition, { offset: Number(offset), metadata: metadata ?? "" }]),
  );
}

/** Ends as text to keep: `partition:next` of each. */
export function writeEnds(ends: ReadonlyMap<number, PartitionEnds>): string {
  return [...ends].map(([partition, { high }]) => `${partition}:${high}`).join(",");
}

/** Whether an offset came after ends were taken; so did everything in a partition that was not there. */
export function isAfterEnds(ends: string, partition: number, offset: number): boolean {
  const place = ends.split(",").find((each) => each.startsWith(`${partition}:`));
  return place === undefined || offset >= Number(place.slice(place.indexOf(":") + 1));
}
