import type { Clock } from "@kelvin/bus";
import type { ConsumerInfo } from "nats";
import { ignoreMissing } from "./nats-connection.ts";
import type { JetStreamConnection } from "./nats-connection.ts";

/** How long what everybody has finished may stay in a stream that is in use. */
const TRIM_MS = 500;

/** Removes from a stream what every reader has finished. */
export interface Trimmer {
  /** Something was appended, finished, or a reader went: soon there may be something to remove. */
  touch(): void;
  close(): void;
}

/** What a trimmer works on. */
export interface TrimParts {
  readonly connection: JetStreamConnection;
  readonly stream: string;
  readonly subjects: readonly string[];
  readonly clock: Clock;
}

/**
 * The server's own way, retention by interest, is not safe: killed and started again, server 2.9 removes messages that a
 * reader who was behind has not had (measured). Nor is its acknowledgement floor: after a redelivery it passes over what is
 * still unacknowledged (measured). So nothing goes but what was handed out when nothing was unacknowledged at a reader.
 * Any number of processes may trim one stream; each says only what is true.
 */
export function makeTrimmer(parts: TrimParts): Trimmer {
  const { clock } = parts;
  let cancel: (() => void) | undefined;
  let isRunning = false;
  let isTouched = false;
  let isClosed = false;
  /** By durable consumer: up to where all is surely finished. */
  const safe = new Map<string, number>();

  const run = (): void => {
    cancel = undefined;
    isRunning = true;
    isTouched = false;
    // What fails now is done after the next touch, and nothing was lost by it.
    trim(parts, safe)
      .catch(() => undefined)
      .finally(() => {
        isRunning = false;
        if (isTouched) schedule();
      });
  };
  const schedule = (): void => {
    isTouched = true;
    if (!isClosed && !isRunning) cancel ??= clock.setTimer(run, TRIM_MS);
  };
  return {
    touch: schedule,
    close() {
      isClosed = true;
      cancel?.();
    },
  };
}

async function trim({ connection, stream, subjects }: TrimParts, safe: Map<string, number>): Promise<void> {
  const { manager } = connection;
  // Before the readers are asked for: what comes later is not theirs to miss.
  const { state } = await manager.streams.info(stream);
  if (state.messages === 0) return;
  const readers: ConsumerInfo[] = [];
  for await (const info of manager.consumers.list(stream)) readers.push(info);
  for (const { name, num_ack_pending, delivered } of readers) {
    if (num_ack_pending === 0) safe.set(name, delivered.stream_seq);
  }
  for (const subject of subjects) {
    const floors = readers
      .filter(({ config }) => config.filter_subject === subject)
      .map(({ name }) => safe.get(name) ?? 0);
    const finishedSequence = Math.min(state.last_seq, ...floors);
    if (finishedSequence < state.first_seq) continue;
    await ignoreMissing(manager.streams.purge(stream, { filter: subject, seq: finishedSequence + 1 }));
  }
}
