// What the processes of the oracle have in common.
import type { LogSpec, Reading, RetryPolicy } from "@kelvin/bus";

export const STREAMS = ["shared", "each"] as const satisfies readonly Reading[];

/** Records that one reader holds, and attempts at one consumer. */
export const WINDOW = 10;

/** After this the broker gives what a dead process held to the next. */
export const SILENCE_MS_MAX = 4_000;

export const DEAD_LETTERS = { bytesMax: 50_000_000 } as const;

export type ConsumerName = "steady" | "struck" | "choosy";

interface ConsumerKind {
  readonly retryPolicy: RetryPolicy;
  readonly hasSink: boolean;
}

/**
 * `steady` is never struck. `struck` is killed, and the way to it broken. `choosy` refuses every fifth event for good, and
 * fails another fifth at the first try.
 */
export const CONSUMERS: Readonly<Record<ConsumerName, ConsumerKind>> = {
  steady: {
    // Patient: whatever else the machine does, it is not this one's fault.
    retryPolicy: { retry: 10, backoff: { policy: "exponential", delayMs: 100 }, timeoutMs: 15_000 },
    hasSink: true,
  },
  struck: {
    retryPolicy: { retry: 3, backoff: { policy: "linear", delayMs: 100 }, timeoutMs: 1_500 },
    hasSink: true,
  },
  choosy: {
    // Long enough that at any moment some event waits for its second try, while later ones are done with.
    retryPolicy: { retry: 5, backoff: { policy: "linear", delayMs: 400 }, timeoutMs: 15_000 },
    hasSink: false,
  },
};

/** Of each event. */
export const BODY_BYTES = 8_000;

/** Small enough that both logs would be full before the long run ends, were they not trimmed; one is trimmed in the short. */
const BYTES_MAX: Readonly<Record<Reading, number>> = { each: 16_000_000, shared: 80_000_000 };

/** Kafka shares partitions among processes, JetStream records. */
const PARTITIONS = { stub: 1, nats: 1, kafka: 3, gcppubsub: 1 } as const;

export function logSpec(run: string, reading: Reading, kind: keyof typeof PARTITIONS): LogSpec {
  return { id: `${run}-${reading}`, partitions: PARTITIONS[kind], unfinishedBytesMax: BYTES_MAX[reading] };
}
