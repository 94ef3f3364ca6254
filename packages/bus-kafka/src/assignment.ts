import { BusUnavailableError } from "@kelvin/bus";
import type { Clock } from "@kelvin/bus";
import { choosePosition } from "./choose-position.ts";
import { makeCommitLoop } from "./commit-loop.ts";
import type { GroupMember } from "./group-member.ts";
import { ANSWER_MS_MAX, pause } from "./kafka-connection.ts";
import type { KafkaConnection } from "./kafka-connection.ts";
import { openWindow } from "./partition-window.ts";
import type { PartitionWindow, Position, WindowEntry } from "./partition-window.ts";
import { fetchCommitted, fetchEnds } from "./topic-offsets.ts";
import type { PartitionEnds } from "./topic-offsets.ts";

/** A partition that is ours. */
export interface Place {
  readonly window: PartitionWindow;
  /** What was handed out and is not ended. */
  readonly held: Set<WindowEntry>;
  /** What the broker surely has, and what it may have since. */
  confirmed: Position | undefined;
  attempted: Position | undefined;
  /** Somebody else has it: what is held here comes again there, whatever is said of it. */
  isLost: boolean;
  /** Whether the client reads on. */
  isFlowing: boolean;
  /** Told when more is wanted, if somebody waits for that. */
  onWanted: () => void;
}

/** The partitions that the group gave to this member, and where it is in each. */
export interface Assignment {
  /** Whether it is known where to read. Until then nothing is read, handed out or committed. */
  readonly isSettled: boolean;
  places(): IterableIterator<Place>;
  find(partition: number): Place | undefined;
  /** The group gave us these, or something about where we are in them is wrong: finds out where to go on. */
  settle(partitions: readonly number[]): void;
  /** What `settle` was told last. */
  readonly partitions: readonly number[];
  /** We fell out of the group. What is held stays: nobody may have had the partitions until we are back. */
  suspend(): void;
  /** Resolves when all that is finished by now is known to the broker. @throws BusUnavailableError */
  commit(): Promise<void>;
  close(): void;
}

/** @see openAssignment */
export interface AssignmentParts {
  readonly connection: KafkaConnection;
  readonly topic: string;
  readonly group: string;
  readonly clock: Clock;
  /** Where a partition begins of which the group has said nothing. */
  readonly beginning: (partition: number, ends: PartitionEnds) => number;
  readonly member: () => GroupMember;
  /** Told when it is known where to read. */
  readonly onSettled: () => void;
}

const RETRY_MS = 200;
const SETTLED_LOOK_MS = 50;

/** @see Assignment */
export function openAssignment(parts: AssignmentParts): Assignment {
  const { group, clock } = parts;
  const places = new Map<number, Place>();
  let partitions: readonly number[] = [];
  let isSettled = false;
  let isClosed = false;

  const lose = (partition: number): void => {
    const lost = places.get(partition);
    if (lost === undefined) return;
    lost.isLost = true;
    lost.held.clear();
    places.delete(partition);
  };
  const settleIn = async (mine: readonly number[]): Promise<void> => {
    const found = await findPlaces(mine, places, parts);
    if (partitions !== mine || isClosed) return;
    for (const place of found) {
      if (places.get(place.window.partition) === place) continue;
      lose(place.window.partition);
      places.set(place.window.partition, place);
    }
    // A new reader's places are kept before anything is read, so that it has them even if it dies now.
    await say(
      [...places.values()].filter(({ confirmed }) => confirmed === undefined),
      parts.member(),
    );
    if (partitions !== mine || isClosed) return;
    isSettled = true;
    for (const place of places.values()) {
      place.isFlowing = false;
      parts.member().seek(place.window.partition, place.window.next);
    }
    parts.onSettled();
  };
  const settleInAtLast = async (mine: readonly number[]): Promise<void> => {
    while (partitions === mine && !isClosed && !isSettled) {
      // Whatever is away comes back, or the group has another assignment soon.
      await settleIn(mine).catch(() => pause(clock, RETRY_MS));
    }
  };
  const commits = makeCommitLoop(async () => {
    await untilSo(() => isSettled, parts);
    if (!isSettled) throw new BusUnavailableError(`${group}: not in the group`);
    await say([...places.values()], parts.member());
  });
  return {
    get isSettled() {
      return isSettled;
    },
    get partitions() {
      return partitions;
    },
    places: () => places.values(),
    find: (partition) => places.get(partition),
    settle(given) {
      partitions = [...given];
      isSettled = false;
      for (const partition of places.keys()) if (!partitions.includes(partition)) lose(partition);
      settleInAtLast(partitions).catch(() => undefined);
    },
    suspend() {
      partitions = [];
      isSettled = false;
    },
    commit: () => commits.soon(),
    close() {
      isClosed = true;
      for (const partition of places.keys()) lose(partition);
    },
  };
}

/** Waits a while for it, unless nobody answers anyway. */
async function untilSo(isSo: () => boolean, { clock, connection }: AssignmentParts): Promise<void> {
  const endMs = clock.nowMs() + ANSWER_MS_MAX;
  while (!isSo() && clock.nowMs() < endMs && connection.trouble === undefined) await pause(clock, SETTLED_LOOK_MS);
}

/** Where to go on in each: with what we hold, if nobody had it meanwhile, or from where the group is. */
async function findPlaces(
  partitions: readonly number[],
  places: ReadonlyMap<number, Place>,
  { connection, topic, group, beginning }: AssignmentParts,
): Promise<readonly Place[]> {
  const committed = await fetchCommitted(connection, { topic, group });
  const ends = await fetchEnds(connection, topic);
  return partitions.map((partition) => {
    const { low, high } = ends.get(partition) ?? { low: 0, high: 0 };
    const before = places.get(partition);
    const choice = choosePosition({
      committed: committed.get(partition),
      mine: before && { said: [before.confirmed, before.attempted], next: before.window.next },
      start: beginning(partition, { low, high }),
      low,
      high,
    });
    if (before !== undefined && choice.kind === "go on") return before;
    const position = choice.kind === "from" ? choice.position : { offset: low, metadata: "" };
    return {
      window: openWindow(partition, position),
      held: new Set<WindowEntry>(),
      confirmed: committed.get(partition),
      attempted: undefined,
      isLost: false,
      isFlowing: false,
      onWanted: () => undefined,
    };
  });
}

/** Tells the broker where we are in these, as far as it does not know. */
async function say(places: readonly Place[], member: GroupMember): Promise<void> {
  const news = new Map<number, { readonly place: Place; readonly position: Position }>();
  for (const place of places) {
    const position = place.window.position();
    if (isSame(place.confirmed, position)) continue;
    place.attempted = position;
    news.set(place.window.partition, { place, position });
  }
  if (news.size === 0) return;
  await member.commit(new Map([...news].map(([partition, { position }]) => [partition, position])));
  for (const { place, position } of news.values()) place.confirmed = position;
}

function isSame(one: Position | undefined, other: Position): boolean {
  return one?.offset === other.offset && one.metadata === other.metadata;
}
