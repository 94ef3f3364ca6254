import { BusRefusedError, BusUnavailableError } from "@kelvin/bus";
import type { BusReader, Clock, HeldRecord, ReaderSpec } from "@kelvin/bus";
import { openAssignment } from "./assignment.ts";
import type { Assignment, Place } from "./assignment.ts";
import { joinGroup } from "./group-member.ts";
import type { GroupMember, ReadBatch } from "./group-member.ts";
import { pause, settledWithin } from "./kafka-connection.ts";
import type { KafkaConnection } from "./kafka-connection.ts";
import type { WindowEntry } from "./partition-window.ts";
import { toRecord } from "./record-message.ts";
import { fetchCommitted, fetchEnds, isAfterEnds } from "./topic-offsets.ts";
import type { PartitionEnds } from "./topic-offsets.ts";

/** What a reader works with. */
export interface ReaderParts {
  readonly connection: KafkaConnection;
  readonly topic: string;
  readonly group: string;
  /** After so long the broker removes a record, finished or not; undefined: never. */
  readonly retentionMs: number | undefined;
  readonly clock: Clock;
}

/** A handle of a reader that knows how far behind it is. */
export interface KafkaReader extends BusReader {
  /** When the first record that is not finished came, of those that are here; undefined when there are none. */
  readonly oldestMs: number | undefined;
}

/** Records that wait to be handed out, a partition: enough that nobody waits for the next fetch. */
const READY_MIN = 500;
const READY_BYTES_MAX = 1024 * 1024;
const WANTED_MS_MAX = 250;
const LOOK_MS = 50;
/** What is given back comes again a moment later, so that whoever always gives back leaves time for others. */
const RETURN_MS = 5;
const OPEN_MS_MAX = 30_000;

/**
 * Opens a handle of a reader. Records are taken from the client as they come and handed out apart from its loop, so that a
 * slow delivery costs no membership. Committed is the first unfinished record of each partition, and with it the marks of
 * what is finished beyond.
 *
 * Resolves when the group has a place in every partition, so that what is appended from now on is not missed.
 *
 * @throws BusError
 */
export async function openKafkaReader(parts: ReaderParts, spec: ReaderSpec): Promise<KafkaReader> {
  const beginning = await findBeginning(parts, spec);
  let trouble: Error | undefined;
  const desk: HandingOut["desk"] = {
    handOut: () => undefined,
    onBatch: () => false,
    untilWanted: () => Promise.resolve(),
  };
  const assignment: Assignment = openAssignment({
    ...parts,
    beginning,
    member: () => member,
    onSettled: () => desk.handOut(),
  });
  const member: GroupMember = joinGroup(
    { ...parts, newClient: parts.connection.newClient, silenceMsMax: parts.connection.silenceMsMax },
    {
      onAssigned: (partitions) => assignment.settle(partitions),
      onBatch: (batch) => desk.onBatch(batch),
      untilWanted: (partition) => desk.untilWanted(partition),
      onTrouble(error) {
        trouble = error;
        assignment.suspend();
      },
    },
  );
  const reader = handOutFrom({ assignment, member, parts, spec, desk });
  try {
    await untilPlaced(parts, () => ({ isSettled: assignment.isSettled, trouble }));
    return reader;
  } catch (error) {
    await reader.close();
    throw error;
  }
}

/** Where partitions without a place begin: a reader that is there already misses nothing of those that were added. */
async function findBeginning(
  { connection, topic, group }: ReaderParts,
  { from }: ReaderSpec,
): Promise<(partition: number, ends: PartitionEnds) => number> {
  const committed = await fetchCommitted(connection, { topic, group });
  const ends = await fetchEnds(connection, topic);
  const isFromEnd = committed.size === 0 && from === "end";
  return (partition, { low }) => (isFromEnd ? (ends.get(partition)?.high ?? low) : low);
}

/** Other handles of the reader give places to their partitions themselves. */
async function untilPlaced(
  { connection, topic, group, clock }: ReaderParts,
  state: () => { readonly isSettled: boolean; readonly trouble: Error | undefined },
): Promise<void> {
  const endMs = clock.nowMs() + OPEN_MS_MAX;
  for (;;) {
    const { isSettled, trouble } = state();
    if (trouble instanceof BusRefusedError) throw trouble;
    if (isSettled) {
      const committed = await fetchCommitted(connection, { topic, group });
      const ends = await fetchEnds(connection, topic);
      if ([...ends.keys()].every((partition) => committed.has(partition))) return;
    }
    if (clock.nowMs() > endMs) throw trouble ?? new BusUnavailableError(`${group}: could not join the group`);
    await pause(clock, LOOK_MS);
  }
}

interface HandingOut {
  readonly assignment: Assignment;
  readonly member: GroupMember;
  readonly parts: ReaderParts;
  readonly spec: ReaderSpec;
  /** Where the client and the assignment find what is made here. */
  readonly desk: {
    handOut: () => void;
    onBatch: (batch: ReadBatch) => boolean;
    untilWanted: (partition: number) => Promise<void>;
  };
}

function handOutFrom({ assignment, member, parts, spec, desk }: HandingOut): KafkaReader {
  const { clock, group, retentionMs } = parts;
  let isOpen = true;
  let isClosed = false;

  const goOnReading = (place: Place): void => {
    if (!isWanting(place, spec.inFlightMax)) return;
    place.onWanted();
    if (place.isFlowing) return;
    place.isFlowing = true;
    member.resume([place.window.partition]);
  };
  const finish = async (entry: WindowEntry, place: Place): Promise<void> => {
    // Somebody else has it: there it comes again, whatever is said here.
    if (place.isLost && !isClosed) return;
    if (isClosed) throw new BusUnavailableError(`${group}: closed`);
    place.window.finish(entry);
    await assignment.commit();
    if (place.held.delete(entry)) desk.handOut();
  };
  const release = (entry: WindowEntry, place: Place): void => {
    if (entry.isFinished || !place.held.delete(entry)) return;
    place.window.giveBack(entry);
    clock.setTimer(() => desk.handOut(), RETURN_MS);
  };
  desk.handOut = () => {
    if (!assignment.isSettled) return;
    let room = spec.inFlightMax;
    for (const { held } of assignment.places()) room -= held.size;
    for (const place of assignment.places()) {
      while (isOpen && room > 0) {
        const entry = place.window.take();
        if (entry === undefined) break;
        room -= 1;
        place.held.add(entry);
        const end = { finish: () => finish(entry, place), release: () => release(entry, place), retentionMs };
        give(holdRecord(entry, place, end), spec);
      }
      goOnReading(place);
    }
  };
  desk.onBatch = (batch) => {
    if (!takeBatch(batch, { assignment, member })) return false;
    desk.handOut();
    return true;
  };
  desk.untilWanted = async (partition) => {
    const place = assignment.find(partition);
    if (place !== undefined) await waitOrPause(place, { member, clock, inFlightMax: spec.inFlightMax });
  };
  return {
    get oldestMs() {
      return oldestIn(assignment);
    },
    pause() {
      isOpen = false;
    },
    resume() {
      isOpen = !isClosed;
      desk.handOut();
    },
    async close() {
      if (isClosed) return;
      isOpen = false;
      // What cannot be told now comes again.
      if (assignment.isSettled) await assignment.commit().catch(() => undefined);
      isClosed = true;
      await member.close();
      assignment.close();
    },
  };
}

/**
 * A client that is paused notices only after its own wait that it was resumed. So whoever works off fast is waited for, and
 * only for the slow ones it is paused.
 */
async function waitOrPause(
  place: Place,
  { member, clock, inFlightMax }: { readonly member: GroupMember; readonly clock: Clock; readonly inFlightMax: number },
): Promise<void> {
  if (isWanting(place, inFlightMax)) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  place.onWanted = resolve;
  await settledWithin(promise, WANTED_MS_MAX, clock);
  place.onWanted = () => undefined;
  if (place.isLost || isWanting(place, inFlightMax)) return;
  place.isFlowing = false;
  member.pause([place.window.partition]);
}

/** False: it is not what was asked for. */
function takeBatch(
  { partition, from, last, messages }: ReadBatch,
  { assignment, member }: Pick<HandingOut, "assignment" | "member">,
): boolean {
  const place = assignment.find(partition);
  if (place === undefined || !assignment.isSettled) return false;
  if (from === place.window.next) {
    place.window.accept(messages, last);
    return true;
  }
  // The broker may have dropped records, or the client lost its place.
  member.pause(assignment.partitions);
  assignment.settle(assignment.partitions);
  return false;
}

function give(record: HeldRecord, { onRecord }: ReaderSpec): void {
  try {
    onRecord(record);
  } catch {
    record.release();
  }
}

function oldestIn(assignment: Assignment): number | undefined {
  const ages = [...assignment.places()].flatMap(({ window }) => window.oldestMs ?? []);
  return ages.length === 0 ? undefined : Math.min(...ages);
}

/** How a record ends that is in somebody's hands. */
interface RecordEnd extends Pick<HeldRecord, "finish" | "release"> {
  /** @see ReaderParts.retentionMs */
  readonly retentionMs: number | undefined;
}

function holdRecord(entry: WindowEntry, { window }: Place, end: RecordEnd): HeldRecord {
  let isEnded = false;
  const acceptedAtMs = Number(entry.message.timestamp);
  return {
    ...toRecord(entry.message),
    acceptedAtMs,
    ...(end.retentionMs === undefined ? {} : { expiresAtMs: acceptedAtMs + end.retentionMs }),
    // The broker does not tell who had it.
    lostHolders: 0,
    isAfter: (ends) => isAfterEnds(ends, window.partition, entry.offset),
    async finish() {
      if (isEnded) return;
      await end.finish();
      isEnded = true;
    },
    release() {
      if (isEnded) return;
      isEnded = !entry.isFinished;
      end.release();
    },
  };
}

/** Whether more is to be read: what waits here is bounded, and read on before it is used up. */
function isWanting({ window, isFlowing }: Place, inFlightMax: number): boolean {
  const share = isFlowing ? 1 : 0.5;
  const countMax = Math.max(READY_MIN, inFlightMax) * share;
  return window.readyCount < countMax && window.readyBytes < READY_BYTES_MAX * share && window.isNarrow;
}
