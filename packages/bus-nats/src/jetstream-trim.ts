import type { Clock } from "@kelvin/bus";
import type { ConsumerInfo, StreamState } from "nats";
import type { AckGate } from "./ack-gate.ts";
import type { JetStreamConnection } from "./nats-connection.ts";
import type { PlaceMemories } from "./place-memory.ts";
import type { ReaderPlaces } from "./reader-place.ts";

/** How often a stream that is in use is looked at, at most. */
const TRIM_MS = 500;
/** The greatest file that the server keeps messages in. */
const BLOCK_BYTES_MAX = 8 * 1024 * 1024;
/** A stream is looked at when as much moved, as a part of its bound or of a block. */
const MOVED_PART = 16;
/** From this part of its bound on a stream is emptied up to what is not finished. */
const QUITE_FULL = 1 / 4;
const DELETIONS_MAX = 1_000;
const DELETIONS_AT_ONCE = 50;
const MARKS_MAX = 256;

/** So many finished messages are worth being written down. */
const FINISHED_MIN = 64;

/** Removes from a stream what every reader has finished, and writes down what that is. */
export interface Trimmer {
  /** Bytes were appended: sooner or later there is something to remove. */
  readonly appended: (bytes: number) => void;
  /** A message was finished. */
  readonly finished: (bytes: number) => void;
  /** An append was refused since the stream is full, or a reader went: there may be something to remove now. */
  hurry(): void;
  close(): void;
}

/** What a trimmer works on. */
export interface TrimParts {
  readonly connection: JetStreamConnection;
  readonly stream: string;
  readonly bytesMax: number;
  readonly gate: AckGate;
  /** By durable consumer. */
  readonly places: ReaderPlaces;
  readonly memories: PlaceMemories;
  readonly clock: Clock;
}

/**
 * The server's own ways are not safe in 2.9 (all measured). Retention by interest: killed and started again, it removes
 * messages that a reader who was behind has not had. Purging a subject: each reader of that very subject forgets what is
 * unacknowledged, so it never comes again, and the bytes are counted against the server's limit until it is started anew.
 * Purging by sequence alone does neither. But it writes the file anew in which the sequence lies, in place, so that a kill
 * in that moment costs what the file holds: therefore it is never done within a file's length of what is not finished.
 * Deleting one by one is safe, and takes the server as long as delivering them did: it is done, so many a second, when the
 * stream is quite full. Any number of processes may trim one stream.
 */
export function makeTrimmer(parts: TrimParts): Trimmer {
  const { clock, bytesMax } = parts;
  const rounds = { marks: makeMarks(bytesMax), wasRefused: false };
  const movedMin = Math.min(bytesMax, BLOCK_BYTES_MAX) / MOVED_PART;
  let movedBytes = 0;
  let finishedCount = 0;
  let cancel: (() => void) | undefined;
  let isRunning = false;
  let isWanted = false;
  let isClosed = false;

  const run = (): void => {
    cancel = undefined;
    isRunning = true;
    isWanted = false;
    movedBytes = 0;
    finishedCount = 0;
    // What fails now is done after the next move, and nothing was lost by it.
    trim(parts, rounds)
      .catch(() => undefined)
      .finally(() => {
        isRunning = false;
        if (isWanted) schedule();
      });
  };
  const schedule = (): void => {
    isWanted = true;
    if (!isClosed && !isRunning) cancel ??= clock.setTimer(run, TRIM_MS);
  };
  const moved = (bytes: number): void => {
    movedBytes += bytes;
    if (movedBytes >= movedMin) schedule();
  };
  return {
    appended: moved,
    finished(bytes) {
      finishedCount += 1;
      if (finishedCount >= FINISHED_MIN) schedule();
      moved(bytes);
    },
    hurry() {
      rounds.wasRefused = true;
      schedule();
    },
    close() {
      isClosed = true;
      cancel?.();
    },
  };
}

interface Rounds {
  readonly marks: Marks;
  wasRefused: boolean;
}

async function trim(parts: TrimParts, rounds: Rounds): Promise<void> {
  const { connection, stream, bytesMax } = parts;
  const { wasRefused } = rounds;
  rounds.wasRefused = false;
  // Before the readers are asked for: what comes later is not theirs to miss.
  const { state } = await connection.manager.streams.info(stream);
  if (state.messages === 0) return;
  const finishedSequence = Math.min(state.last_seq, await floorOf(parts));
  rounds.marks.add({ sequence: state.last_seq, bytes: state.bytes });
  const behind = rounds.marks.behind(finishedSequence);
  // To the server one and none mean all.
  if (behind !== undefined && behind > state.first_seq) {
    await connection.manager.streams.purge(stream, { seq: behind });
    rounds.marks.clear();
  } else if (wasRefused || state.bytes > bytesMax * QUITE_FULL) {
    await deleteOneByOne(state, { finishedSequence, parts });
  }
  await parts.memories.keep();
}

/** Up to where every reader has finished; all of the stream when there is none. */
async function floorOf({ connection, stream, gate, places }: TrimParts): Promise<number> {
  const readers = await gate.quietly(async () => {
    const infos: ConsumerInfo[] = [];
    for await (const info of connection.manager.consumers.list(stream)) infos.push(info);
    for (const { name, delivered, num_ack_pending, created } of infos) {
      places.of(name).learn({
        deliveredSequence: delivered.stream_seq,
        unacknowledgedCount: num_ack_pending,
        created: String(created),
      });
    }
    return infos;
  });
  return Math.min(...readers.map(({ name }) => places.of(name).floorSequence));
}

/**
 * Oldest first. The last message of a stream stays: with it, a kill in the wrong moment might take the number that the
 * next one gets. Alone in a stream that is too full for another it has to go.
 */
async function deleteOneByOne(
  state: StreamState,
  { finishedSequence, parts }: { readonly finishedSequence: number; readonly parts: TrimParts },
): Promise<void> {
  const lastKept = state.messages === 1 ? state.last_seq + 1 : state.last_seq;
  const end = Math.min(finishedSequence + 1, lastKept, state.first_seq + DELETIONS_MAX);
  for (let from = state.first_seq; from < end; from += DELETIONS_AT_ONCE) {
    const count = Math.min(DELETIONS_AT_ONCE, end - from);
    const deletions = Array.from({ length: count }, (_, index) =>
      parts.connection.manager.streams.deleteMessage(parts.stream, from + index, false),
    );
    // Those that are gone already fail.
    await Promise.allSettled(deletions);
  }
}

/** How many bytes the stream held when this was its last sequence. */
interface Mark {
  readonly sequence: number;
  readonly bytes: number;
}

interface Marks {
  add(mark: Mark): void;
  /** The last mark's sequence that lies a file's length before what is not finished, or more. */
  behind(finishedSequence: number): number | undefined;
  /** To be called when something was purged. */
  clear(): void;
}

/** The distance of two marks is the bytes between them, or less: what others remove in between is missing from the later. */
function makeMarks(bytesMax: number): Marks {
  const spacing = Math.max(BLOCK_BYTES_MAX / MOVED_PART, bytesMax / (MARKS_MAX / 2));
  let marks: Mark[] = [];
  return {
    add(mark) {
      const last = marks.at(-1);
      if (last !== undefined && Math.abs(mark.bytes - last.bytes) < spacing) return;
      marks.push(mark);
      if (marks.length > MARKS_MAX) marks.shift();
    },
    behind(finishedSequence) {
      const finished = marks.findLast(({ sequence }) => sequence <= finishedSequence);
      if (finished === undefined) return undefined;
      const isBehind = ({ sequence, bytes }: Mark): boolean =>
        sequence < finished.sequence && bytes + BLOCK_BYTES_MAX <= finished.bytes;
      return marks.findLast(isBehind)?.sequence;
    },
    clear() {
      marks = [];
    },
  };
}
