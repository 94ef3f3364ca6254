/** Annotations of Triggers and Subscriptions that set limits. */
export const limitAnnotations = {
  /** Attempts at once, by each replica: 1 to 10000. */
  maxInFlight: "kelvin.dev/max-in-flight",
  /** Attempts a second, by each replica: more than 0, at most 100000. */
  rateLimit: "kelvin.dev/rate-limit",
} as const;

/** Annotations of a status (`status.annotations`), written by the role `control`. */
export const statusAnnotations = {
  /** The bus that serves it, once that is known to be there. */
  bus: "kelvin.dev/bus",
  /** Of which kind that is, such as `kafka`; for channels.knative.dev only. It tells what may remain when the bus is gone. */
  busKind: "kelvin.dev/bus-kind",
  /**
   * Where in its Broker's stream a Trigger begins, as the bus reported it: written once, never changed. It outlives the stream (a
   * Broker made anew, a stub that started anew), so it must say which stream it is of; of another one it counts as the beginning.
   */
  since: "kelvin.dev/since",
  /** How many events the dead-letter store has; absent when none. */
  deadLetters: "kelvin.dev/dead-letters",
} as const;
