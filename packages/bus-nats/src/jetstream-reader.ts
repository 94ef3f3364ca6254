import type { BusReader, Clock, HeldRecord, ReaderSpec } from "@kelvin/bus";
import { createInbox, nanos } from "nats";
import type { Msg, Subscription } from "nats";
import { readDelivery } from "./delivery.ts";
import type { Delivery } from "./delivery.ts";
import { fromHeaders } from "./message.ts";
import { ANSWER_MS_MAX, natsFailure } from "./nats-connection.ts";
import type { JetStreamConnection } from "./nats-connection.ts";

/** How long the server keeps a request for messages. */
const PULL_MS = 5_000;
/** After this a request is surely over, answered or not. */
const PULL_OVER_MS = PULL_MS + 1_000;
const TICK_MS = 250;

/** Where a reader's records come from. */
export interface ReaderSource {
  readonly connection: JetStreamConnection;
  readonly stream: string;
  /** The durable consumers of the reader, one a partition. */
  readonly durables: readonly string[];
  readonly clock: Clock;
  /** Told of each acknowledgement that the server confirmed. */
  readonly onFinished: () => void;
}

/** A message in hand. What is said of it is said by hand: the client says each thing once, even if it got lost. */
interface Held {
  readonly delivery: Delivery;
  /** Where the last delivery of it is answered. */
  reply: string;
}

/**
 * Hands out what the durable consumers bring, and asks for as much as the window holds: what is held and what was asked
 * for are never more than `inFlightMax` together (but for one each where there are more partitions than places). What is
 * held here and comes again is not handed out again.
 */
export function startReader(source: ReaderSource, spec: ReaderSpec): BusReader {
  const { connection, clock } = source;
  const held = new Map<string, Held>();
  let isOpen = true;
  let isClosed = false;

  const receive = (message: Msg): void => {
    const delivery = readDelivery(message.reply);
    // A status: the request is over. It is told from its age as well, since statuses get lost.
    if (message.reply === undefined || delivery === undefined) return;
    requests.answered();
    const key = `${delivery.durable} ${delivery.sequence}`;
    const known = held.get(key);
    if (known !== undefined) {
      known.reply = message.reply;
      return;
    }
    if (!isOpen) return say(connection, message.reply, NOT_TAKEN);
    const mine: Held = { delivery, reply: message.reply };
    held.set(key, mine);
    const settle = (): void => {
      if (held.get(key) === mine) held.delete(key);
      refill();
    };
    const record = holdMessage({ message, mine, source }, settle);
    try {
      spec.onRecord(record);
    } catch {
      record.release();
    }
  };
  const pulls = source.durables.map((durable) => openPull(source, durable, receive));
  const requests = makeRequests(pulls, clock);
  const refill = (): void => {
    if (isOpen) requests.ask(spec.inFlightMax - held.size, spec.inFlightMax);
  };
  const stopTicking = tickWith(clock, connection.silenceMsMax / 3, (isLifeDue) => {
    if (isLifeDue) for (const { reply } of held.values()) say(connection, reply, STILL_HELD);
    refill();
  });
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
      for (const { reply } of held.values()) say(connection, reply, NOT_TAKEN);
      held.clear();
      for (const { subscription } of pulls) await subscription.drain().catch(() => undefined);
    },
  };
}

const NOT_TAKEN = "-NAK";
const STILL_HELD = "+WPI";
const DONE = "+ACK";

/** Tells the server something about a message; what gets lost is made good by the silence that follows. */
function say({ core }: JetStreamConnection, reply: string, what: string): void {
  if (!core.isClosed()) core.publish(reply, what);
}

/** Asks one durable consumer for messages. */
interface Pull {
  readonly subscription: Subscription;
  ask(batch: number): void;
}

/**
 * A plain subscription: the client's own for JetStream ends for ever, without a word, at the first status that it takes
 * for the last, as of a server that has not found all its consumers again yet.
 */
function openPull({ connection, stream }: ReaderSource, durable: string, receive: (message: Msg) => void): Pull {
  const { core } = connection;
  const inbox = createInbox();
  const subscription = core.subscribe(inbox, {
    callback: (error, message) => {
      // An error here is the connection's, which mends itself.
      if (error === null) receive(message);
    },
  });
  return {
    subscription,
    ask(batch) {
      if (core.isClosed()) return;
      const request = JSON.stringify({ batch, expires: nanos(PULL_MS) });
      core.publish(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${durable}`, request, { reply: inbox });
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

function makeRequests(pulls: readonly Pull[], clock: Clock): Requests {
  const open: { count: number; readonly overMs: number }[] = [];
  return {
    ask(room, window) {
      const nowMs = clock.nowMs();
      while (open[0] !== undefined && (open[0].count === 0 || open[0].overMs < nowMs)) open.shift();
      const asked = open.reduce((sum, { count }) => sum + count, 0);
      const free = room - asked;
      if (free < 1 || (asked > 0 && free < window / 4)) return;
      const share = Math.floor(free / pulls.length);
      for (const pull of pulls) {
        const batch = Math.max(1, share);
        open.push({ count: batch, overMs: nowMs + PULL_OVER_MS });
        pull.ask(batch);
      }
    },
    answered() {
      const request = open.find(({ count }) => count > 0);
      if (request !== undefined) request.count -= 1;
    },
  };
}

/** Calls back often, and tells when the server is due a sign of life. Returns what stops it. */
function tickWith(clock: Clock, signOfLifeMs: number, tick: (isLifeDue: boolean) => void): () => void {
  let lifeMs = clock.nowMs();
  const again = (): void => {
    const nowMs = clock.nowMs();
    const isLifeDue = nowMs - lifeMs >= signOfLifeMs;
    if (isLifeDue) lifeMs = nowMs;
    tick(isLifeDue);
    cancel = clock.setTimer(again, TICK_MS);
  };
  let cancel = clock.setTimer(again, TICK_MS);
  return () => {
    cancel();
  };
}

interface Holding {
  readonly message: Msg;
  readonly mine: Held;
  readonly source: ReaderSource;
}

function holdMessage({ message, mine, source }: Holding, settle: () => void): HeldRecord {
  const { delivery } = mine;
  const { connection, onFinished } = source;
  let isEnded = false;
  return {
    headers: fromHeaders(message.headers),
    body: Buffer.from(message.data.buffer, message.data.byteOffset, message.data.byteLength),
    acceptedAtMs: delivery.acceptedAtMs,
    lostHolders: delivery.deliveries - 1,
    isAfter: (ends) => delivery.sequence > Number(ends),
    async finish() {
      if (isEnded) return;
      try {
        await connection.core.request(mine.reply, DONE, { timeout: ANSWER_MS_MAX });
      } catch (error) {
        throw natsFailure(error, "acknowledgement");
      }
      isEnded = true;
      settle();
      onFinished();
    },
    release() {
      if (isEnded) return;
      isEnded = true;
      say(connection, mine.reply, NOT_TAKEN);
      settle();
    },
  };
}
