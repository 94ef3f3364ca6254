import { setImmediate as nextTurn } from "node:timers/promises";
import type { Clock } from "@kelvin/bus";
import { openAckLine, openLeaseLine } from "./ack-line.ts";
import type { PubsubConnection } from "./pubsub-connection.ts";
import type { ReceivedMessage } from "./pubsub-methods.ts";

/** A message that is ours while its lease lasts. */
export interface HeldMessage {
  readonly id: string;
  /** Under which it is acknowledged: that of its last delivery. */
  ackId: string;
  readonly received: ReceivedMessage;
}

/** The messages of one subscription that are ours: kept so until each is acknowledged or given back. */
export interface HeldMessages {
  readonly size: number;
  /**
   * Takes what was delivered. Undefined for what is held already, and for what was acknowledged here and comes again:
   * the service may do both.
   */
  take(received: ReceivedMessage): HeldMessage | undefined;
  /** Resolves when the service has the acknowledgement. @throws BusUnavailableError: it is still held */
  acknowledge(held: HeldMessage): Promise<void>;
  /** Gives it back: at once when it is the first time, then after a while that grows. */
  giveBack(held: HeldMessage): void;
  /** Gives back at once what nobody has seen. */
  putBack(held: HeldMessage): void;
  /** Gives all back at once; resolves when the service knows of everything, or does not answer. */
  close(): Promise<void>;
}

/** What it works with. */
export interface HeldMessagesParts {
  readonly connection: PubsubConnection;
  /** Its whole name. */
  readonly subscription: string;
  readonly clock: Clock;
}

/** Acknowledged messages that are remembered, should they come again. */
const REMEMBERED_MAX = 10_000;
const REST_MS_MIN = 100;
const REST_MS_MAX = 30_000;

/**
 * The service gives a message to another as soon as its lease is over, so leases are made longer as long as this process
 * lives. It also hands out again at once what is given back, so that what is given back again rests here first.
 */
export function holdMessages({ connection, subscription, clock }: HeldMessagesParts): HeldMessages {
  const leaseMs = connection.silenceMsMax;
  const acks = openAckLine(connection, subscription);
  const extensions = openLeaseLine(connection, subscription, Math.round(leaseMs / 1_000));
  const returns = openLeaseLine(connection, subscription, 0);
  const leases = keepLeases({ leaseMs, clock, extend: (held) => extensions.send(held.ackId) });
  const acknowledged = makeMemory<true>();
  const restsMs = makeMemory<number>();
  const resting = new Set<() => void>();
  let isClosed = false;
  const giveBackNow = (held: HeldMessage): void => {
    if (!leases.delete(held.id)) return;
    returns.send(held.ackId).catch(() => undefined);
  };
  return {
    get size() {
      return leases.size;
    },
    take(received) {
      const id = received.message?.messageId ?? "";
      const ackId = received.ackId ?? "";
      const known = leases.find(id);
      if (known !== undefined) {
        known.ackId = ackId;
        return undefined;
      }
      if (acknowledged.get(id) === true) {
        acks.send(ackId).catch(() => undefined);
        return undefined;
      }
      if (isClosed) {
        returns.send(ackId).catch(() => undefined);
        return undefined;
      }
      const held: HeldMessage = { id, ackId, received };
      leases.add(held);
      return held;
    },
    async acknowledge(held) {
      await acks.send(held.ackId);
      leases.delete(held.id);
      restsMs.delete(held.id);
      acknowledged.set(held.id, true);
    },
    giveBack(held) {
      const restMs = restsMs.get(held.id) ?? 0;
      restsMs.set(held.id, Math.min(Math.max(restMs * 2, REST_MS_MIN), REST_MS_MAX));
      if (restMs === 0 || isClosed) {
        giveBackNow(held);
        return;
      }
      const cancel = clock.setTimer(() => {
        resting.delete(cancel);
        giveBackNow(held);
      }, restMs);
      resting.add(cancel);
    },
    putBack: giveBackNow,
    async close() {
      isClosed = true;
      leases.stop();
      for (const cancel of resting) cancel();
      // What is being acknowledged must not be given back as well.
      await acks.settled();
      await nextTurn();
      for (const held of leases.all()) giveBackNow(held);
      await Promise.all([acks.settled(), extensions.settled(), returns.settled()]);
    },
  };
}

interface Leases {
  readonly size: number;
  find(id: string): HeldMessage | undefined;
  add(held: HeldMessage): void;
  /** False when there was none. */
  delete(id: string): boolean;
  all(): readonly HeldMessage[];
  /** Lets them run out. */
  stop(): void;
}

interface LeaseParts {
  readonly leaseMs: number;
  readonly clock: Clock;
  readonly extend: (held: HeldMessage) => Promise<void>;
}

/** Extends each lease when half of it is over. */
function keepLeases({ leaseMs, clock, extend }: LeaseParts): Leases {
  /** In order of the last extension. */
  const leases = new Map<string, { readonly held: HeldMessage; endMs: number }>();
  const extendDue = (): void => {
    const nowMs = clock.nowMs();
    for (const [id, lease] of leases) {
      if (lease.endMs - nowMs > leaseMs / 2) break;
      leases.delete(id);
      lease.endMs = nowMs + leaseMs;
      leases.set(id, lease);
      // One that fails is lost at worst: then the message comes again.
      extend(lease.held).catch(() => undefined);
    }
    stop = clock.setTimer(extendDue, leaseMs / 8);
  };
  let stop = clock.setTimer(extendDue, leaseMs / 8);
  return {
    get size() {
      return leases.size;
    },
    find: (id) => leases.get(id)?.held,
    add(held) {
      leases.set(held.id, { held, endMs: clock.nowMs() + leaseMs });
    },
    delete: (id) => leases.delete(id),
    all: () => [...leases.values()].map(({ held }) => held),
    stop: () => stop(),
  };
}

interface Memory<T> {
  get(id: string): T | undefined;
  set(id: string, value: T): void;
  delete(id: string): void;
}

/** Forgets the oldest. */
function makeMemory<T>(): Memory<T> {
  const all = new Map<string, T>();
  return {
    get: (id) => all.get(id),
    set(id, value) {
      all.delete(id);
      all.set(id, value);
      if (all.size <= REMEMBERED_MAX) return;
      for (const oldest of all.keys()) {
        all.delete(oldest);
        return;
      }
    },
    delete: (id) => void all.delete(id),
  };
}
