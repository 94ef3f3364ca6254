import type { Clock } from "@kelvin/bus";
import { isAway, pubsubFailure } from "./pubsub-failure.ts";
import type { PubsubConnection, PullCall } from "./pubsub-connection.ts";
import type { ReceivedMessage, StreamingPullRequest } from "./pubsub-methods.ts";

/** Messages of one subscription as they come, through every loss of the connection. */
export interface PullStream {
  /** Takes no more from the connection until `flow(true)`. */
  flow(isFlowing: boolean): void;
  /** Ends it. Resolves when what was on its way has come. */
  stop(): Promise<void>;
}

/** What a stream works with. */
export interface PullStreamParts {
  readonly connection: PubsubConnection;
  readonly clock: Clock;
  /** Its whole name. */
  readonly subscription: string;
  /** Messages that may be ours at once; the service keeps to it when it can. */
  readonly heldMax: number;
  readonly onMessages: (messages: readonly ReceivedMessage[]) => void;
}

const RETRY_MS_MIN = 100;
const RETRY_MS_MAX = 1_000;
/** The service ends streams on which nothing is said. */
const SIGN_OF_LIFE_MS = 30_000;
/** How long a stream that is given up is listened to. */
const LATE_MS_MAX = 200;

/** Opens the stream, and another one whenever it ends. What fails for good is noted at the connection as a fault. */
export function openPullStream(parts: PullStreamParts): PullStream {
  const { connection, clock, subscription, onMessages } = parts;
  let isStopped = false;
  let isFlowing = true;
  let retryMs = RETRY_MS_MIN;
  let call: PullCall | undefined;
  let stopTimer: () => void = () => undefined;

  const reopen = (ended: PullCall, error: unknown): void => {
    if (ended !== call || isStopped) return;
    call = undefined;
    stopTimer();
    if (error !== undefined && !isAway(error)) {
      connection.noteFault(subscription, pubsubFailure(error, subscription).message);
    }
    stopTimer = clock.setTimer(open, retryMs);
    retryMs = Math.min(retryMs * 2, RETRY_MS_MAX);
  };
  const giveSign = (): void => {
    call?.write({});
    stopTimer = clock.setTimer(giveSign, SIGN_OF_LIFE_MS);
  };
  const open = (): void => {
    if (isStopped) return;
    let opened: PullCall;
    try {
      opened = connection.openPull();
    } catch {
      // The connection is being closed.
      return;
    }
    call = opened;
    opened.on("data", ({ receivedMessages }: { receivedMessages?: readonly ReceivedMessage[] | null }) => {
      retryMs = RETRY_MS_MIN;
      connection.noteFault(subscription, undefined);
      onMessages(receivedMessages ?? []);
    });
    opened.on("error", (error) => reopen(opened, error));
    opened.on("end", () => {
      opened.cancel();
      reopen(opened, undefined);
    });
    opened.write(firstRequest(parts));
    if (!isFlowing) opened.pause();
    stopTimer = clock.setTimer(giveSign, SIGN_OF_LIFE_MS);
  };
  open();
  return {
    flow(next) {
      if (next === isFlowing) return;
      isFlowing = next;
      if (next) call?.resume();
      else call?.pause();
    },
    async stop() {
      isStopped = true;
      stopTimer();
      connection.noteFault(subscription, undefined);
      const ended = call;
      call = undefined;
      if (ended === undefined) return;
      await hearOut(ended, clock);
    },
  };
}

/** Says that nothing more is wanted, and listens to what is on its way. */
function hearOut(call: PullCall, clock: Clock): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const cancelTimer = clock.setTimer(() => {
    call.cancel();
    resolve(undefined);
  }, LATE_MS_MAX);
  call.once("close", () => {
    cancelTimer();
    resolve(undefined);
  });
  call.resume();
  call.end();
  return promise;
}

/** The service stops sending at this many bytes that are not acknowledged. */
const HELD_BYTES_MAX = 64 * 1024 * 1024;

function firstRequest({ connection, subscription, heldMax }: PullStreamParts): StreamingPullRequest {
  return {
    subscription,
    streamAckDeadlineSeconds: Math.round(connection.silenceMsMax / 1_000),
    maxOutstandingMessages: heldMax,
    maxOutstandingBytes: HELD_BYTES_MAX,
  };
}
