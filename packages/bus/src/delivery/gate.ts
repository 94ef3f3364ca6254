import type { ConsumerLimits } from "./consumer.ts";

/** Failures in a row after which a subscriber is left alone for a while. */
const FAILURES_TO_OPEN = 5;
const OPEN_MS_MIN = 1_000;
const OPEN_MS_MAX = 60_000;

/** Why no attempt may be made now. */
export type Refusal = "InFlightLimit" | "RateLimit" | "CircuitOpen";

/** A place that was taken. */
export interface Pass {
  /** Gives the place back, once. `isDown`: no answer came, or one that says the subscriber is unwell (5xx, 429). */
  leave(nowMs: number, isDown: boolean): void;
}

/** Lets attempts at one subscriber through: so many at once, so many a second, none while it is down. */
export interface Gate {
  enter(nowMs: number): Pass | Refusal;
  readonly inFlight: number;
  /** Whether the circuit is open: for status and metrics. */
  isOpen(nowMs: number): boolean;
  /** Takes new limits; places that are taken stay so. */
  setLimits(limits: ConsumerLimits): void;
}

/**
 * A closed circuit opens after five failures in a row. An open one lets one probe through after a second, then after
 * two, four … sixty; a probe that gets an answer closes it. Attempts that began before it opened change nothing.
 */
export function makeGate(initialLimits: ConsumerLimits): Gate {
  let limits = initialLimits;
  let inFlight = 0;
  const circuit = makeCircuit();
  const bucket = makeBucket();
  return {
    enter(nowMs) {
      if (circuit.refuses(nowMs)) return "CircuitOpen";
      if (inFlight >= limits.inFlight) return "InFlightLimit";
      if (!bucket.take(limits.ratePerSecond, nowMs)) return "RateLimit";
      inFlight += 1;
      const report = circuit.begin();
      return {
        leave(endMs, isDown) {
          inFlight -= 1;
          report(endMs, isDown);
        },
      };
    },
    get inFlight() {
      return inFlight;
    },
    isOpen: (nowMs) => circuit.refuses(nowMs),
    setLimits(next) {
      limits = next;
    },
  };
}

interface Circuit {
  refuses(nowMs: number): boolean;
  /** Notes the start of an attempt; the function that is returned takes its end. */
  begin(): (endMs: number, isDown: boolean) => void;
}

function makeCircuit(): Circuit {
  let failures = 0;
  /** Zero while the circuit is closed. */
  let openMs = 0;
  let openUntilMs = 0;
  let isProbing = false;

  const open = (nowMs: number): void => {
    openMs = Math.min(OPEN_MS_MAX, Math.max(OPEN_MS_MIN, openMs * 2));
    openUntilMs = nowMs + openMs;
  };
  return {
    refuses: (nowMs) => openMs > 0 && (nowMs < openUntilMs || isProbing),
    begin() {
      const isProbe = openMs > 0;
      isProbing = isProbe;
      return (endMs, isDown) => {
        if (isProbe) isProbing = false;
        if (openMs > 0 && !isProbe) return;
        if (!isDown) {
          failures = 0;
          openMs = 0;
          return;
        }
        failures += 1;
        if (failures >= FAILURES_TO_OPEN) open(endMs);
      };
    },
  };
}

interface Bucket {
  take(ratePerSecond: number | undefined, nowMs: number): boolean;
}

/** Holds one second's worth, or one token when the rate is below one a second. */
function makeBucket(): Bucket {
  let tokens = Number.POSITIVE_INFINITY;
  let filledAtMs = 0;
  return {
    take(ratePerSecond, nowMs) {
      if (ratePerSecond === undefined) return true;
      const gained = ((nowMs - filledAtMs) * ratePerSecond) / 1000;
      tokens = Math.min(Math.max(1, ratePerSecond), tokens + gained);
      filledAtMs = nowMs;
      if (tokens < 1) return false;
      tokens -= 1;
      return true;
    },
  };
}
