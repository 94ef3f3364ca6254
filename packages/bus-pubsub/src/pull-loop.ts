import { isAway, pubsubFailure } from "./pubsub-failure.ts";
import { pubsubMethods } from "./pubsub-methods.ts";
import type { PullStream, PullStreamParts } from "./pull-stream.ts";

const MESSAGES_MAX = 100;
/** An answer that comes late still holds messages, which nobody else gets before their leases are over. */
const ANSWER_MS_MAX = 20_000;
/** How long the last answer is waited for. */
const LATE_MS_MAX = 1_000;
/** Between questions that found nothing. */
const PAUSE_MS_MIN = 10;
const PAUSE_MS_MAX = 200;

/**
 * Messages by questions that are answered at once, in place of a stream. For the emulator: it never notices that the
 * process at the end of a stream, or of a question that waits, was killed, and goes on giving it messages (measured: 70 s
 * until 20 messages had come past three dead streams). What is asked for at once is never kept for the dead.
 */
export function openPullLoop(parts: PullStreamParts): PullStream {
  const { connection, clock, subscription, heldMax, onMessages } = parts;
  let isStopped = false;
  let isFlowing = true;
  let wake: () => void = () => undefined;

  const pause = (delayMs: number): Promise<void> =>
    new Promise((resolve) => {
      const cancel = clock.setTimer(resolve, delayMs);
      wake = () => {
        cancel();
        resolve();
      };
    });
  /** How many came. */
  const ask = async (): Promise<number> => {
    const request = { subscription, maxMessages: Math.min(heldMax, MESSAGES_MAX), returnImmediately: true };
    try {
      const { receivedMessages } = await connection.call(pubsubMethods.pull, request, { answerMsMax: ANSWER_MS_MAX });
      connection.noteFault(subscription, undefined);
      onMessages(receivedMessages ?? []);
      return receivedMessages?.length ?? 0;
    } catch (error) {
      if (!isAway(error) && !isStopped) connection.noteFault(subscription, pubsubFailure(error, subscription).message);
      return 0;
    }
  };
  const run = async (): Promise<void> => {
    let pauseMs = PAUSE_MS_MIN;
    while (!isStopped) {
      const count = isFlowing ? await ask() : 0;
      pauseMs = count > 0 ? PAUSE_MS_MIN : Math.min(pauseMs * 2, PAUSE_MS_MAX);
      if (count === 0 && !isStopped) await pause(pauseMs);
    }
    connection.noteFault(subscription, undefined);
  };
  const running = run();
  return {
    flow(next) {
      isFlowing = next;
    },
    async stop() {
      isStopped = true;
      wake();
      const { promise: late, resolve } = Promise.withResolvers<undefined>();
      const cancel = clock.setTimer(() => resolve(undefined), LATE_MS_MAX);
      await Promise.race([running, late]);
      cancel();
    },
  };
}
