import type { BusReader, Clock, HeldRecord, ReaderSpec } from "@kelvin/bus";
import type { Msg } from "nats";
import type { AckGate } from "./ack-gate.ts";
import { readDelivery } from "./delivery.ts";
import type { Delivery } from "./delivery.ts";
import type { HolderNotes } from "./holder-notes.ts";
import { openPulls } from "./jetstream-pulls.ts";
import type { PullSource } from "./jetstream-pulls.ts";
import { fromHeaders } from "./message.ts";
import { ANSWER_MS_MAX, natsFailure } from "./nats-connection.ts";
import type { JetStreamConnection } from "./nats-connection.ts";
import type { HeldMessage, ReaderPlace, ReaderPlaces } from "./reader-place.ts";

const TICK_MS = 250;

/** Where a reader's records come from. */
export interface ReaderSource extends PullSource {
  readonly gate: AckGate;
  /** What this process knows of each durable consumer. */
  readonly places: ReaderPlaces;
  readonly notes: HolderNotes;
  /** Told the bytes of each message whose acknowledgement the server confirmed. */
  readonly onFinished: (bytes: number) => void;
}

/**
 * Hands out what the durable consumers bring, and asks for as much as the window holds: what is held and what was asked
 * for are never more than `inFlightMax` together (but for one each where there are more partitions than places). What is
 * held here and comes again is not handed out again.
 */
export function startReader(source: ReaderSource, spec: ReaderSpec): BusReader {
  const { connection, clock, places } = source;
  /** With what gives each back. */
  const held = new Map<HeldMessage, () => void>();
  let isOpen = true;
  let isClosed = false;

  const receive = (message: Msg): void => {
    const delivery = readDelivery(message.reply);
    if (message.reply === undefined || delivery === undefined) return;
    const place = places.of(delivery.durable);
    const { sequence, acceptedAtMs } = delivery;
    const { isHeard: isSure } = life;
    const { kind, message: mine } = place.receive({ sequence, acceptedAtMs, reply: message.reply, isSure });
    if (kind === "finished") say(connection, message.reply, DONE);
    // Neither takes a place, and there may be many of them after the server forgot where it was.
    if (kind !== "new") return refill();
    const hand: Hand = { message, delivery, mine, place, source };
    if (isOpen) takeInHand(hand, { held, spec, refill });
    else giveBack(hand);
  };
  const pulls = openPulls(source, receive);
  const refill = (): void => {
    if (isOpen) pulls.ask(spec.inFlightMax - held.size, spec.inFlightMax);
  };
  const doubt = (): void => {
    for (const durable of source.durables) places.of(durable).doubt();
  };
  const life = makeLife(source, { held, doubt });
  const stopTicking = tick(clock, () => {
    life.tick();
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
      for (const release of held.values()) release();
      held.clear();
      await pulls.close();
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

/** Calls back often. Returns what stops it. */
function tick(clock: Clock, callback: () => void): () => void {
  const again = (): void => {
    callback();
    cancel = clock.setTimer(again, TICK_MS);
  };
  let cancel = clock.setTimer(again, TICK_MS);
  return () => {
    cancel();
  };
}

/** Signs of life, and whether the server hears them. */
interface Life {
  /** Whether it answered lately: what came just now was handed to us since, and what is held was not passed on. */
  readonly isHeard: boolean;
  tick(): void;
}

interface Alive {
  readonly held: ReadonlyMap<HeldMessage, unknown>;
  /** What is held may have been passed on. */
  readonly doubt: () => void;
}

/** Every now and then tells the server that what is held is being worked on, and asks for an answer. */
function makeLife({ connection, clock }: ReaderSource, { held, doubt }: Alive): Life {
  const { core, silenceMsMax } = connection;
  let shownMs = clock.nowMs();
  let heardMs = shownMs;
  const isHeard = (): boolean => clock.nowMs() - heardMs <= silenceMsMax / 2;
  return {
    get isHeard() {
      return isHeard();
    },
    tick() {
      if (!isHeard()) doubt();
      const nowMs = clock.nowMs();
      if (nowMs - shownMs < silenceMsMax / 6 || core.isClosed()) return;
      shownMs = nowMs;
      for (const { reply } of held.keys()) say(connection, reply, STILL_HELD);
      core.flush().then(
        () => {
          heardMs = nowMs;
        },
        () => {
          // With the next tick again.
          shownMs = 0;
        },
      );
    },
  };
}

/** A message that came, and everything that is known of it. */
interface Hand {
  readonly message: Msg;
  readonly delivery: Delivery;
  readonly mine: HeldMessage;
  readonly place: ReaderPlace;
  readonly source: ReaderSource;
}

interface Window {
  readonly held: Map<HeldMessage, () => void>;
  readonly spec: ReaderSpec;
  readonly refill: () => void;
}

function giveBack({ mine, place, source }: Hand): void {
  place.release(mine);
  say(source.connection, mine.reply, NOT_TAKEN);
}

/** Holds it and hands it out; one that comes again only after it was noted who holds it now. */
function takeInHand(hand: Hand, { held, spec, refill }: Window): void {
  const { delivery, mine, source } = hand;
  const handOut = (lostHolders: number): void => {
    // Closed meanwhile, and given back with the others.
    if (!held.has(mine)) return;
    const release = (): void => {
      if (delivery.deliveries > 1) source.notes.giveBack(delivery, lostHolders);
      giveBack(hand);
    };
    held.set(mine, release);
    const settle = (): void => {
      held.delete(mine);
      refill();
    };
    const record = holdMessage(hand, { lostHolders, release, settle });
    try {
      spec.onRecord(record);
    } catch {
      record.release();
    }
  };
  held.set(mine, () => {
    giveBack(hand);
  });
  if (delivery.deliveries === 1) handOut(0);
  else source.notes.take(delivery).then(handOut, () => undefined);
}

interface Ends {
  readonly lostHolders: number;
  readonly release: () => void;
  readonly settle: () => void;
}

function holdMessage(hand: Hand, { lostHolders, release, settle }: Ends): HeldRecord {
  const { message, delivery, mine, place, source } = hand;
  const { connection, gate, onFinished } = source;
  let isEnded = false;
  return {
    headers: fromHeaders(message.headers),
    body: Buffer.from(message.data.buffer, message.data.byteOffset, message.data.byteLength),
    acceptedAtMs: delivery.acceptedAtMs,
    lostHolders,
    isAfter: (ends) => delivery.sequence > Number(ends),
    async finish() {
      if (isEnded) return;
      await gate.pass(async () => {
        try {
          await connection.whileThere(() => connection.core.request(mine.reply, DONE, { timeout: ANSWER_MS_MAX }));
        } catch (error) {
          // The server may have taken it.
          mine.isSure = false;
          throw natsFailure(error, "acknowledgement");
        }
        // Before the gate is told that it is over: until then the server is not asked who holds what.
        place.finish(mine);
      });
      isEnded = true;
      settle();
      onFinished(message.data.length);
    },
    release() {
      if (isEnded) return;
      isEnded = true;
      release();
      settle();
    },
  };
}
