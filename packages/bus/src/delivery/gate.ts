import type { ConsumerLimits } from "./consumer.ts";

/** Failures in a row after which a subscriber is left alone for a while. */
const FAILURES_TO_OPEN = 5;
const OPEN_MS_MIN = 1_000;
const OPEN_MS_MAX = 60_000;

/** No attempt may be made now. */
export interface Refusal {
  readonly kind: "refused";
  readonly reason: "InFlightLimit" | "RateLimit" | "CircuitOpen";
  /** It lasts at least as long. */
  readonly waitMs: number;
  /** Whether the attempt has its turn within the rate then: it is to say so when it comes again. */
  readonly hasTurn: boolean;
}

/** A place that was taken. */
export interface Pass {
  readonly kind: "entered";
  /** Gives the place back, once. `isDown`: no answer came, or one that says the subscriber is unwell (5xx, 429). */
  leave(nowMs: number, isDown: boolean): void;
}

/**
 * How a subscriber does. `closed`: attempts are made. `open`: it failed five times in a row and is left alone until
 * `untilMs`. `half-open`: the next attempt, or the one that runs, decides which of the two it is.
 */
export interface CircuitView {
  readonly state: "closed" | "open" | "half-open";
  /** Milliseconds since 1970; undefined unless it is open. */
  readonly untilMs: number | undefined;
}

/** Lets attempts at one subscriber through: so many at once, so many a second, none while it is down. */
export interface Gate {
  /** @param hasTurn what the last refusal of the same attempt said */
  enter(nowMs: number, hasTurn: boolean): Pass | Refusal;
  readonly inFlight: number;
  /** For status and metrics. */
  circuit(nowMs: number): CircuitView;
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
  const rate = makeRate();
  return {
    enter(nowMs, hasTurn) {
      const openMs = circuit.refusesFor(nowMs);
      if (openMs !== undefined) return { kind: "refused", reason: "CircuitOpen", waitMs: openMs, hasTurn };
      if (inFlight >= limits.inFlight) return { kind: "refused", reason: "InFlightLimit", waitMs: 0, hasTurn };
      const turn = hasTurn ? NOW : rate.nextTurn(limits, nowMs);
      if (turn.waitMs > 0) return { kind: "refused", reason: "RateLimit", ...turn };
      inFlight += 1;
      const report = circuit.begin();
      return {
        kind: "entered",
        leave(endMs, isDown) {
          inFlight -= 1;
          report(endMs, isDown);
        },
      };
    },
    get inFlight() {
      return inFlight;
    },
    circuit: (nowMs) => circuit.view(nowMs),
    setLimits(next) {
      limits = next;
    },
  };
}

interface Circuit {
  /** How long it surely lets nobody through; undefined when it does. */
  refusesFor(nowMs: number): number | undefined;
  view(nowMs: number): CircuitView;
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
    refusesFor(nowMs) {
      if (openMs === 0 || (nowMs >= openUntilMs && !isProbing)) return undefined;
      return Math.max(0, openUntilMs - nowMs);
    },
    view(nowMs) {
      if (openMs === 0) return { state: "closed", untilMs: undefined };
      return nowMs < openUntilMs ? { state: "open", untilMs: openUntilMs } : { state: "half-open", untilMs: undefined };
    },
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

interface Turn {
  /** Zero: now. */
  readonly waitMs: number;
  /** Whether the turn is kept for whoever was told of it. */
  readonly hasTurn: boolean;
}

const NOW: Turn = { waitMs: 0, hasTurn: true };

/** How far ahead turns are given. */
const TURN_MS_MAX = 10_000;

interface Rate {
  nextTurn(limits: ConsumerLimits, nowMs: number): Turn;
}

/**
 * Turns a second, with one second's worth at once. Whoever comes too early gets a turn of his own, as long as no more than
 * `inFlight` have one; others come again without.
 */
function makeRate(): Rate {
  /** When all turns that were given are over. */
  let givenUntilMs = 0;
  return {
    nextTurn({ ratePerSecond, inFlight }, nowMs) {
      if (ratePerSecond === undefined) return NOW;
      const turnMs = 1000 / ratePerSecond;
      const burstMs = Math.max(turnMs, 1000);
      givenUntilMs = Math.max(givenUntilMs, nowMs - burstMs + turnMs);
      const waitMs = givenUntilMs - nowMs;
      if (waitMs > Math.min(TURN_MS_MAX, inFlight * turnMs)) return { waitMs, hasTurn: false };
      givenUntilMs += turnMs;
      return { waitMs: Math.max(0, waitMs), hasTurn: true };
    },
  };
}
