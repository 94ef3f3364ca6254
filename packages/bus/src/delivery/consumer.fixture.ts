import type { Consumer } from "./consumer.ts";

/** A consumer of every event, for tests: `http://<id>`, no answers, three retries and room for ten. */
export function makeConsumer(id: string, changes: Partial<Consumer> = {}): Consumer {
  return {
    id,
    uid: id,
    generation: 1,
    since: undefined,
    types: undefined,
    matches: undefined,
    subscriber: { url: `http://${id}` },
    reply: { kind: "none" },
    deadLetter: undefined,
    retryPolicy: { retry: 3, backoff: { policy: "linear", delayMs: 100 }, timeoutMs: 5_000 },
    format: undefined,
    limits: { inFlight: 10, ratePerSecond: undefined, backlog: 10 },
    ...changes,
  };
}
