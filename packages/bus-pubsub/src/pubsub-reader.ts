import { BusUnavailableError } from "@kelvin/bus";
import type { BusReader, Clock, HeldRecord, ReaderSpec } from "@kelvin/bus";
import { holdMessages } from "./held-messages.ts";
import type { HeldMessage, HeldMessages } from "./held-messages.ts";
import type { PubsubConnection } from "./pubsub-connection.ts";
import type { ReceivedMessage } from "./pubsub-methods.ts";
import { openPullLoop } from "./pull-loop.ts";
import { openPullStream } from "./pull-stream.ts";
import type { PullStream } from "./pull-stream.ts";
import { toMs, toRecord } from "./record-message.ts";

/** What a reader works with. */
export interface ReaderParts {
  readonly connection: PubsubConnection;
  /** Its whole name. */
  readonly subscription: string;
  /** How long the service keeps a message, finished or not. */
  readonly retentionMs: number;
  readonly clock: Clock;
}

/** An open handle, and what it knows of what waits. */
export interface PubsubReader extends BusReader {
  /** When each record was accepted that came here and is not finished. */
  acceptedAtMs(): number[];
  /** Whether whatever waits at the service would be here. */
  readonly hasRoom: boolean;
}

/** Over this, what came and waits for a place stops the stream: the emulator sends all it has. */
const WAITING_BYTES_MAX = 16 * 1024 * 1024;

interface Arrived {
  readonly held: HeldMessage;
  readonly bytes: number;
  readonly acceptedAtMs: number;
}

/**
 * Opens a handle of a reader whose subscription is there. The window is kept here: the service's own is a wish, and the
 * emulator keeps it for the first messages only. A paused handle has no stream, so that others get what comes.
 */
export function openPubsubReader(parts: ReaderParts, spec: ReaderSpec): PubsubReader {
  const { connection, subscription, clock } = parts;
  const messages = holdMessages(parts);
  const desk = openDesk(messages, spec, parts.retentionMs);
  let stream: PullStream | undefined;
  let isClosed = false;

  const start = (): void => {
    if (isClosed || stream !== undefined) return;
    const open = parts.connection.reading === "stream" ? openPullStream : openPullLoop;
    const onMessages = (received: readonly ReceivedMessage[]): void => desk.receive(received);
    stream = open({ connection, clock, subscription, heldMax: spec.inFlightMax, onMessages });
    desk.open((isFlowing) => stream?.flow(isFlowing));
  };
  const stop = async (): Promise<void> => {
    const stopped = stream?.stop();
    stream = undefined;
    desk.close();
    await stopped;
  };
  start();
  return {
    pause: () => void stop(),
    resume: start,
    acceptedAtMs: () => desk.acceptedAtMs(),
    get hasRoom() {
      return stream !== undefined && desk.hasRoom;
    },
    async close() {
      isClosed = true;
      await stop();
      desk.forget(new BusUnavailableError(`${subscription}: closed`));
      await messages.close();
    },
  };
}

/** Hands out what came, as far as the window allows. */
interface Desk {
  readonly hasRoom: boolean;
  acceptedAtMs(): number[];
  receive(received: readonly ReceivedMessage[]): void;
  /** Hands out from now on, and says when too much waits to take more. */
  open(flow: (isFlowing: boolean) => void): void;
  /** Hands out no more, and gives back what nobody has seen. */
  close(): void;
  /** What is held is somebody else's from now on; to finish it fails with this. */
  forget(failure: Error): void;
}

function openDesk(messages: HeldMessages, spec: ReaderSpec, retentionMs: number): Desk {
  const inHand = new Map<string, Arrived>();
  let waiting: Arrived[] = [];
  let waitingBytes = 0;
  let flow: ((isFlowing: boolean) => void) | undefined;
  let failure: Error | undefined;

  const handOut = (): void => {
    while (flow !== undefined && inHand.size < spec.inFlightMax) {
      const next = waiting.shift();
      if (next === undefined) break;
      waitingBytes -= next.bytes;
      inHand.set(next.held.id, next);
      giveTo(spec, holdRecord(next, { finish, release, retentionMs }));
    }
    flow?.(waitingBytes < WAITING_BYTES_MAX && waiting.length <= spec.inFlightMax);
  };
  const finish = async ({ held }: Arrived): Promise<void> => {
    if (failure !== undefined) throw failure;
    await messages.acknowledge(held);
    if (inHand.delete(held.id)) handOut();
  };
  const release = ({ held }: Arrived): void => {
    if (!inHand.delete(held.id)) return;
    messages.giveBack(held);
    handOut();
  };
  return {
    get hasRoom() {
      return inHand.size < spec.inFlightMax;
    },
    acceptedAtMs: () => [...inHand.values(), ...waiting].map(({ acceptedAtMs }) => acceptedAtMs),
    receive(received) {
      for (const message of received) {
        const held = messages.take(message);
        if (held === undefined) continue;
        if (flow === undefined) {
          messages.putBack(held);
          continue;
        }
        const arrived = toArrived(held);
        waiting.push(arrived);
        waitingBytes += arrived.bytes;
      }
      handOut();
    },
    open(next) {
      flow = next;
      handOut();
    },
    close() {
      flow = undefined;
      for (const { held } of waiting) messages.putBack(held);
      waiting = [];
      waitingBytes = 0;
    },
    forget(reason) {
      failure = reason;
      inHand.clear();
    },
  };
}

function toArrived(held: HeldMessage): Arrived {
  const { message } = held.received;
  return { held, bytes: message?.data?.length ?? 0, acceptedAtMs: toMs(message?.publishTime) };
}

function giveTo(spec: ReaderSpec, record: HeldRecord): void {
  try {
    spec.onRecord(record);
  } catch {
    record.release();
  }
}

interface Ends {
  readonly finish: (arrived: Arrived) => Promise<void>;
  readonly release: (arrived: Arrived) => void;
  readonly retentionMs: number;
}

function holdRecord(arrived: Arrived, { finish, release, retentionMs }: Ends): HeldRecord {
  const { acceptedAtMs, held } = arrived;
  let isEnded = false;
  return {
    ...toRecord(held.received.message ?? {}),
    acceptedAtMs,
    // The service counts deliveries, and does not tell a holder that vanished from one that gave back.
    lostHolders: 0,
    expiresAtMs: acceptedAtMs + retentionMs,
    isAfter: (ends) => acceptedAtMs > Number(ends),
    async finish() {
      if (isEnded) return;
      await finish(arrived);
      isEnded = true;
    },
    release() {
      if (isEnded) return;
      isEnded = true;
      release(arrived);
    },
  };
}
