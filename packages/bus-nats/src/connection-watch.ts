import { BusUnavailableError } from "@kelvin/bus";
import type { BusTrouble, Clock } from "@kelvin/bus";
import { ErrorCode, Events, NatsError } from "nats";
import type { NatsConnection } from "nats";

/** How a connection is. */
export interface ConnectionWatch {
  /** Undefined while the server answers. */
  readonly trouble: BusTrouble | undefined;
  /** Whether there is no connection now. */
  readonly isLost: boolean;
  /** Calls back whenever the connection is lost, until the function that is returned is called. */
  onLost(callback: () => void): () => void;
  /**
   * Asks the server for something. Fails at once while the connection is lost, or when it gets lost: no answer comes then.
   *
   * @throws BusUnavailableError then, or whatever `ask` throws.
   */
  whileThere<T>(ask: () => Promise<T>): Promise<T>;
}

const PROBE_MS = 1_000;
const PROBE_ANSWER_MS_MAX = 5_000;

/** Watches a connection until it is closed. */
export function watchConnection(connection: NatsConnection, clock: Clock): ConnectionWatch {
  const listeners = new Set<() => void>();
  let lost: BusTrouble | undefined;
  /** A connected server that does not answer: its disk is full, or it has too much to do. */
  let silent: BusTrouble | undefined;

  /** Until it answers again. */
  const probe = async (): Promise<void> => {
    while (silent !== undefined && !connection.isClosed()) {
      await new Promise<void>((resolve) => clock.setTimer(resolve, PROBE_MS));
      try {
        await connection.request("$JS.API.INFO", "", { timeout: PROBE_ANSWER_MS_MAX });
        silent = undefined;
      } catch {
        // Still silent.
      }
    }
  };
  const watch = async (): Promise<void> => {
    for await (const { type, data } of connection.status()) {
      const what = typeof data === "string" ? data : "";
      if (type === Events.Disconnect) {
        // It comes with each attempt to reconnect that fails, too.
        lost ??= { sinceMs: clock.nowMs(), reason: `lost ${what}` };
        for (const listener of listeners) listener();
      }
      // Why it does not come back: credentials that are no longer taken, for one.
      if (type === Events.Error && lost !== undefined) lost = { ...lost, reason: `lost the server: ${what}` };
      if (type === Events.Reconnect) lost = undefined;
    }
  };
  // The list of statuses ends with the connection and fails with nothing.
  watch().catch(() => undefined);

  const onLost = (callback: () => void): (() => void) => {
    listeners.add(callback);
    return () => listeners.delete(callback);
  };
  return {
    get trouble() {
      return lost ?? silent;
    },
    get isLost() {
      return lost !== undefined;
    },
    onLost,
    async whileThere(ask) {
      if (lost !== undefined) throw new BusUnavailableError(lost.reason);
      const { promise: ended, reject } = Promise.withResolvers<never>();
      const stop = onLost(() => {
        reject(new BusUnavailableError(lost?.reason));
      });
      try {
        const answer = await Promise.race([ask(), ended]);
        silent = undefined;
        return answer;
      } catch (error) {
        if (isTimeout(error) && silent === undefined) {
          silent = { sinceMs: clock.nowMs(), reason: NO_ANSWER };
          probe().catch(() => undefined);
        }
        throw error;
      } finally {
        stop();
      }
    },
  };
}

/** What is known of a server that takes a request and says nothing. */
export const NO_ANSWER = "the server does not answer: its disk may be full, or it has too much to do";

/** Whether the client waited for an answer in vain. */
export function isTimeout(error: unknown): boolean {
  return error instanceof NatsError && error.code === String(ErrorCode.Timeout);
}
