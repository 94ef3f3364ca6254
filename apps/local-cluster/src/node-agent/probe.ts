import type { ContainerSpec } from "./container-env.ts";

export type ProbeSpec = NonNullable<ContainerSpec["readinessProbe"]>;

/** A probe with Kubernetes' defaults filled in, in milliseconds. */
export interface ProbeTimes {
  readonly initialDelayMs: number;
  readonly periodMs: number;
  readonly timeoutMs: number;
  readonly successThreshold: number;
  readonly failureThreshold: number;
}

export function parseProbeTimes(probe: ProbeSpec): ProbeTimes {
  const seconds = (value: number | undefined, preset: number): number =>
    (value === undefined || value <= 0 ? preset : value) * 1000;
  return {
    initialDelayMs: (probe.initialDelaySeconds ?? 0) * 1000,
    periodMs: seconds(probe.periodSeconds, 10),
    timeoutMs: seconds(probe.timeoutSeconds, 1),
    successThreshold: Math.max(1, probe.successThreshold ?? 1),
    failureThreshold: Math.max(1, probe.failureThreshold ?? 3),
  };
}

/** How often in a row a probe succeeded or failed, and what is believed because of it. */
export interface ProbeTally {
  readonly successes: number;
  readonly failures: number;
  /** undefined until a threshold is reached for the first time. */
  readonly verdict: boolean | undefined;
}

export const newTally: ProbeTally = { successes: 0, failures: 0, verdict: undefined };

/** The tally after one more probe. A verdict changes only when its threshold is reached. */
export function countProbe(tally: ProbeTally, hasSucceeded: boolean, times: ProbeTimes): ProbeTally {
  const successes = hasSucceeded ? tally.successes + 1 : 0;
  const failures = hasSucceeded ? 0 : tally.failures + 1;
  if (successes >= times.successThreshold) return { successes, failures, verdict: true };
  if (failures >= times.failureThreshold) return { successes, failures, verdict: false };
  return { successes, failures, verdict: tally.verdict };
}

/**
 * How long after the start a probe is made for the first time. The kubelet's falls anywhere within the first period. One that
 * waits for the app to come up begins at once; a liveness probe, made at once, would find every app dead, and kill one with a
 * threshold of 1.
 */
export function firstProbeDelayMs({ initialDelayMs, periodMs }: ProbeTimes, isEarly: boolean): number {
  return isEarly ? initialDelayMs : Math.max(initialDelayMs, periodMs);
}

const EARLY_DELAY_INITIAL_MS = 20;
const EARLY_DELAY_MAX_MS = 250;
const EARLY_DELAY_GROWTH = 1.4;

/**
 * The pause before the next probe. Until its first success a probe that only waits for the app to come up is repeated
 * after 20 ms, 28 ms … 250 ms, never less often than its period: waiting out a whole period would be the better part of a
 * cold start, and no client of the API can tell.
 */
export function nextProbeDelayMs(times: ProbeTimes, earlyAttempts: number | undefined): number {
  if (earlyAttempts === undefined) return times.periodMs;
  const delayMs = EARLY_DELAY_INITIAL_MS * EARLY_DELAY_GROWTH ** Math.min(earlyAttempts, 20);
  return Math.min(delayMs, EARLY_DELAY_MAX_MS, times.periodMs);
}
