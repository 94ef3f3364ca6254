import type { KafkaMessage } from "kafkajs";
import { readMarks, SPAN_MAX, writeMarks } from "./finished-marks.ts";

/** Where a reader is in one partition, as the broker keeps it. */
export interface Position {
  /** The first record that is not finished. */
  readonly offset: number;
  /** What is finished beyond it. @see writeMarks */
  readonly metadata: string;
}

/** A record of the partition on its way through this process. */
export interface WindowEntry {
  readonly offset: number;
  readonly message: KafkaMessage;
  isFinished: boolean;
}

/** The records of one partition that were read and not committed. */
export interface PartitionWindow {
  readonly partition: number;
  /** The offset that must come next from the broker. */
  readonly next: number;
  /** Read, and not handed out. */
  readonly readyCount: number;
  readonly readyBytes: number;
  /** Whether more may be read: the window reaches no further than marks can tell. */
  readonly isNarrow: boolean;
  /** When the first record that is not finished came; undefined when none waits here. */
  readonly oldestMs: number | undefined;
  /** What to tell the broker. */
  position(): Position;
  /** Takes what was read, all of it; `last` is the last offset that was looked at, filled or not. */
  accept(messages: readonly KafkaMessage[], last: number): void;
  /** The next record to hand out. */
  take(): WindowEntry | undefined;
  /** Puts it back, to be handed out before all others. */
  giveBack(entry: WindowEntry): void;
  /** Says that it need not be handed out again. */
  finish(entry: WindowEntry): void;
}

/** Opens a window at a position; what is finished beyond it is not handed out again. */
export function openWindow(partition: number, { offset, metadata }: Position): PartitionWindow {
  // In order of offsets. Those that are finished stay until they are first.
  const unsettled = new Map<number, WindowEntry | undefined>();
  const known = readMarks(offset, metadata);
  const ready = makeQueue();
  let next = offset;

  const first = (): number => unsettled.keys().next().value ?? next;
  const settle = (): void => {
    for (const [place, entry] of unsettled) {
      if (entry !== undefined && !entry.isFinished) return;
      unsettled.delete(place);
    }
  };
  return {
    partition,
    get next() {
      return next;
    },
    get readyCount() {
      return ready.length;
    },
    get readyBytes() {
      return ready.bytes;
    },
    get isNarrow() {
      return next - first() < SPAN_MAX / 2;
    },
    get oldestMs() {
      const [entry] = unsettled.values();
      return entry === undefined ? undefined : Number(entry.message.timestamp);
    },
    position: () => positionFrom(first(), next, { unsettled, known }),
    accept(messages, last) {
      for (const message of messages) {
        const place = Number(message.offset);
        if (known.delete(place)) {
          unsettled.set(place, undefined);
          continue;
        }
        const entry: WindowEntry = { offset: place, message, isFinished: false };
        unsettled.set(place, entry);
        ready.push(entry);
      }
      next = last + 1;
      settle();
    },
    take() {
      const entry = ready.peek();
      // What is finished further on could not be told.
      if (entry === undefined || entry.offset - first() >= SPAN_MAX) return undefined;
      ready.drop();
      return entry;
    },
    giveBack(entry) {
      if (!entry.isFinished) ready.unshift(entry);
    },
    finish(entry) {
      if (entry.isFinished) return;
      entry.isFinished = true;
      unsettled.set(entry.offset, undefined);
      settle();
    },
  };
}

/** The first unfinished record, and what is finished beyond it. */
function positionFrom(
  from: number,
  next: number,
  { unsettled, known }: { unsettled: ReadonlyMap<number, WindowEntry | undefined>; known: ReadonlySet<number> },
): Position {
  const finished: number[] = [];
  for (const [place, entry] of unsettled) if (entry === undefined || entry.isFinished) finished.push(place);
  // Marks from before this process that were not read again yet.
  for (const place of known) if (place >= next && place >= from) finished.push(place);
  const near = finished.filter((place) => place - from < SPAN_MAX);
  return { offset: from, metadata: writeMarks(from, near) };
}

function bytesOf(entry: WindowEntry | undefined): number {
  return entry?.message.value?.length ?? 0;
}

/** A queue that lets in at both ends. */
interface Queue {
  readonly length: number;
  readonly bytes: number;
  peek(): WindowEntry | undefined;
  drop(): void;
  push(entry: WindowEntry): void;
  unshift(entry: WindowEntry): void;
}

/** Moving all that is left for each that goes would cost more than the record's delivery. */
const QUEUE_TIDY = 1_024;

function makeQueue(): Queue {
  let entries: (WindowEntry | undefined)[] = [];
  let head = 0;
  let bytes = 0;
  return {
    get length() {
      return entries.length - head;
    },
    get bytes() {
      return bytes;
    },
    peek: () => entries[head],
    drop() {
      bytes -= bytesOf(entries[head]);
      entries[head] = undefined;
      head += 1;
      if (head < QUEUE_TIDY && head < entries.length) return;
      entries = entries.slice(head);
      head = 0;
    },
    push(entry) {
      bytes += bytesOf(entry);
      entries.push(entry);
    },
    unshift(entry) {
      bytes += bytesOf(entry);
      if (head === 0) entries.unshift(entry);
      else {
        head -= 1;
        entries[head] = entry;
      }
    },
  };
}
