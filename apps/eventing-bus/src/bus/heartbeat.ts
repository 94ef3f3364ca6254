import type { Clock } from "@kelvin/kube";

/** Whether the API server was heard of lately. */
export interface Heartbeat {
  readonly isFresh: boolean;
  /** Told when that changes. */
  onChange(listener: (isFresh: boolean) => void): void;
  close(): Promise<void>;
}

/** @see openHeartbeat */
export interface HeartbeatOptions {
  /** Asks the API server for something small. Rejects when it does not answer. */
  readonly ask: (signal: AbortSignal) => Promise<unknown>;
  readonly clock: Clock;
}

const ASK_MS = 2_000;
const ANSWER_MS_MAX = 5_000;
/** Silence after which what is known of the cluster counts as old. */
const SILENCE_MS_MAX = 10_000;

/**
 * Asks the API server every few seconds, since a watch may be silent for minutes while all is well. Without an answer for
 * 10 s consumers may have changed unseen.
 */
export function openHeartbeat({ ask, clock }: HeartbeatOptions): Heartbeat {
  const abort = new AbortController();
  const { signal } = abort;
  const listeners = new Set<(isFresh: boolean) => void>();
  let isFresh = true;
  const set = (isNowFresh: boolean): void => {
    if (isNowFresh === isFresh) return;
    isFresh = isNowFresh;
    for (const listener of listeners) listener(isFresh);
  };
  const expectMore = (): (() => void) => clock.setTimer(() => set(false), SILENCE_MS_MAX);
  let cancelSilence = expectMore();
  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      if (await isAnswered(ask, { clock, signal })) {
        cancelSilence();
        cancelSilence = expectMore();
        set(true);
      }
      await clock.sleep(ASK_MS, signal);
    }
    cancelSilence();
  };
  const running = run();
  return {
    get isFresh() {
      return isFresh;
    },
    onChange(listener) {
      listeners.add(listener);
    },
    async close() {
      abort.abort();
      await running;
    },
  };
}

interface Waiter {
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

async function isAnswered(ask: HeartbeatOptions["ask"], { clock, signal }: Waiter): Promise<boolean> {
  const deadline = new AbortController();
  const abort = (): void => deadline.abort();
  const cancel = clock.setTimer(abort, ANSWER_MS_MAX);
  signal.addEventListener("abort", abort, { once: true });
  try {
    await ask(deadline.signal);
    return true;
  } catch {
    // Whatever it was, it is no sign that the watches are alive.
    return false;
  } finally {
    cancel();
    signal.removeEventListener("abort", abort);
  }
}
