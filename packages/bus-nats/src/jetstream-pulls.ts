import type { Clock } from "@kelvin/bus";
import { createInbox, nanos } from "nats";
import type { Msg, Subscription } from "nats";
import type { JetStreamConnection } from "./nats-connection.ts";

/** How long the server keeps a request for messages. */
const PULL_MS = 5_000;
/** After this a request is surely over, answered or not. */
const PULL_OVER_MS = PULL_MS + 1_000;

/** Where messages are asked for. */
export interface PullSource {
  readonly connection: JetStreamConnection;
  readonly stream: string;
  /** The durable consumers of the reader, one a partition. */
  readonly durables: readonly string[];
  readonly clock: Clock;
}

/** Requests for messages that the server has. */
export interface Pulls {
  /** Asks for what `room` leaves after the requests that are open, as soon as that is a fair part of the window. */
  ask(room: number, window: number): void;
  /** Resolves when nothing more comes. */
  close(): Promise<void>;
}

interface PullRequest {
  readonly durable: string;
  /** Where the server says that it is over. */
  readonly inbox: string;
  /** Messages that may still come. */
  count: number;
  readonly overMs: number;
}

/**
 * Plain subscriptions: the client's own for JetStream end for ever, without a word, at the first status that they take for
 * the last, as of a server that has not found all its consumers again yet.
 */
export function openPulls(source: PullSource, receive: (message: Msg) => void): Pulls {
  const { connection, stream, clock } = source;
  const { core } = connection;
  let open: PullRequest[] = [];
  let last = 0;

  const subscribe = (durable: string): { durable: string; inbox: string; subscription: Subscription } => {
    const inbox = createInbox();
    const subscription = core.subscribe(`${inbox}.*`, {
      callback(error, message) {
        // An error here is the connection's, which mends itself.
        if (error !== null) return;
        const isStatus = message.subject.startsWith(inbox);
        const request = open.find((each) =>
          isStatus ? each.inbox === message.subject : each.durable === durable && each.count > 0,
        );
        if (request !== undefined) request.count = isStatus ? 0 : request.count - 1;
        if (!isStatus) receive(message);
      },
    });
    return { durable, inbox, subscription };
  };
  const subscriptions = source.durables.map(subscribe);
  // What the server was asked for over a connection that is gone, it answers nobody.
  const stopForgetting = connection.onLost(() => {
    open = [];
  });
  return {
    ask(room, window) {
      // A request that is made meanwhile may be lost, and would be waited for.
      if (core.isClosed() || connection.isLost) return;
      const nowMs = clock.nowMs();
      // Statuses get lost as well, so a request's age tells too.
      open = open.filter(({ count, overMs }) => count > 0 && overMs >= nowMs);
      const asked = open.reduce((sum, { count }) => sum + count, 0);
      const free = room - asked;
      if (free < 1 || (asked > 0 && free < window / 4)) return;
      const batch = Math.max(1, Math.floor(free / subscriptions.length));
      for (const { durable, inbox } of subscriptions) {
        last += 1;
        const request = { durable, inbox: `${inbox}.${last}`, count: batch, overMs: nowMs + PULL_OVER_MS };
        open.push(request);
        const body = JSON.stringify({ batch, expires: nanos(PULL_MS) });
        core.publish(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${durable}`, body, { reply: request.inbox });
      }
    },
    async close() {
      stopForgetting();
      for (const { subscription } of subscriptions) await subscription.drain().catch(() => undefined);
    },
  };
}
