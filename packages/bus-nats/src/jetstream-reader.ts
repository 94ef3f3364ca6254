import { BusUnavailableError } from "@kelvin/bus";
import type { BusReader, Clock, HeldRecord, ReaderSpec } from "@kelvin/bus";
import { nanos, NatsError } from "nats";
import type { JetStreamPullSubscription, JsMsg } from "nats";
import { fromHeaders } from "./message.ts";
import { natsFailure } from "./nats-connection.ts";

/** How long the server waits for a sign of life before it hands a message to another. */
export const ACK_WAIT_MS = 30_000;
const SIGN_OF_LIFE_MS = 10_000;
/** How long the server keeps a request for messages. */
const PULL_MS = 5_000;
/** After this a request is surely over, answered or not. */
const PULL_OVER_MS = PULL_MS + 1_000;
const TICK_MS = 250;

/**
 * Hands out what the given subscriptions bring, and asks for as much as the window holds: what is held and what was asked
 * for are never more than `inFlightMax` together (but for one each where there are more subscriptions than places).
 */
export function startReader(
  subscriptions: readonly JetStreamPullSubscription[],
  spec: ReaderSpec,
  clock: Clock,
): BusReader {
  const held = new Set<JsMsg>();
  const requests = makeRequests(subscriptions, clock);
  let isOpen = true;
  let isClosed = false;

  const refill = (): void => {
    if (isOpen) requests.ask(spec.inFlightMax - held.size, spec.inFlightMax);
  };
  const receive = (message: JsMsg): void => {
    requests.answered();
    if (!isOpen) {
      message.nak();
      return;
    }
    held.add(message);
    const record = holdMessage(message, () => {
      held.delete(message);
      refill();
    });
    try {
      spec.onRecord(record);
    } catch {
      record.release();
    }
  };
  const stopTicking = tickWith(clock, (isLifeDue) => {
    if (isLifeDue) for (const message of held) message.working();
    refill();
  });
  for (const subscription of subscriptions) consume(subscription, receive).catch(() => undefined);
  refill();

  return {
    pause() {
      isOpen = false;
    },
    resume() {
      isOpen = !isClosed;
      refill();
    },
    async close() {
      if (isClosed) return;
      isClosed = true;
      isOpen = false;
      stopTicking();
      for (const message of held) message.nak();
      held.clear();
      for (const subscription of subscriptions) await subscription.drain().catch(() => undefined);
    },
  };
}

/** Requests for messages that the server has. */
interface Requests {
  /** Asks for what `room` leaves after the requests that are open, as soon as that is a fair part of the window. */
  ask(room: number, window: number): void;
  /** One message came. */
  answered(): void;
}

function makeRequests(subscriptions: readonly JetStreamPullSubscription[], clock: Clock): Requests {
  const open: { count: number; readonly overMs: number }[] = [];
  return {
    ask(room, window) {
      const nowMs = clock.nowMs();
      while (open[0] !== undefined && (open[0].count === 0 || open[0].overMs < nowMs)) open.shift();
      const asked = open.reduce((sum, { count }) => sum + count, 0);
      const free = room - asked;
      if (free < 1 || (asked > 0 && free < window / 4)) return;
      const share = Math.floor(free / subscriptions.length);
      for (const subscription of subscriptions) {
        const batch = Math.max(1, share);
        open.push({ count: batch, overMs: nowMs + PULL_OVER_MS });
        subscription.pull({ batch, expires: PULL_MS });
      }
    },
    answered() {
      const request = open.find(({ count }) => count > 0);
      if (request !== undefined) request.count -= 1;
    },
  };
}

/** Calls back often, and tells when the server is due a sign of life. Returns what stops it. */
function tickWith(clock: Clock, tick: (isLifeDue: boolean) => void): () => void {
  let lifeMs = clock.nowMs();
  const again = (): void => {
    const nowMs = clock.nowMs();
    const isLifeDue = nowMs - lifeMs >= SIGN_OF_LIFE_MS;
    if (isLifeDue) lifeMs = nowMs;
    tick(isLifeDue);
    cancel = clock.setTimer(again, TICK_MS);
  };
  let cancel = clock.setTimer(again, TICK_MS);
  return () => {
    cancel();
  };
}

async function consume(subscription: JetStreamPullSubscription, receive: (message: JsMsg) => void): Promise<void> {
  for await (const message of subscription) receive(message);
}

function holdMessage(message: JsMsg, settle: () => void): HeldRecord {
  const { info } = message;
  let isEnded = false;
  return {
    headers: fromHeaders(message.headers),
    body: Buffer.from(message.data.buffer, message.data.byteOffset, message.data.byteLength),
    acceptedAtMs: Math.floor(info.timestampNanos / 1_000_000),
    lostHolders: info.redeliveryCount - 1,
    isAfter: (ends) => message.seq > Number(ends),
    async finish() {
      if (isEnded) return;
      await acknowledge(message);
      isEnded = true;
      settle();
    },
    release() {
      if (isEnded) return;
      isEnded = true;
      message.nak();
      settle();
    },
  };
}

async function acknowledge(message: JsMsg): Promise<void> {
  try {
    if (!(await message.ackAck())) throw new BusUnavailableError("the acknowledgement was not confirmed");
  } catch (error) {
    throw error instanceof NatsError ? natsFailure(error, "acknowledgement") : error;
  }
}

/** Nanoseconds, as the server wants them. */
export const ACK_WAIT_NANOS = nanos(ACK_WAIT_MS);
