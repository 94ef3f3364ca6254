import { type Clock, sleepOn } from "@kelvin/kube";
import { checkProbe, type ProbeResult, type ProbeTarget } from "./probe-check.ts";
import {
  countProbe,
  firstProbeDelayMs,
  newTally,
  nextProbeDelayMs,
  parseProbeTimes,
  type ProbeSpec,
  type ProbeTally,
} from "./probe.ts";

/**
 * How long a container that nobody probes must live to be believed ready. The kubelet looks about once a second, and misses
 * one that ends at once: believed, it would let a Deployment replace what works by what does not start.
 */
const SETTLE_DELAY_MS = 500;

/** What the probes of one run of a container found out. */
export interface ProbeFindings {
  onStarted: () => void;
  onReady: (isReady: boolean) => void;
  /** The container must be killed and started again. */
  onUnhealthy: (kind: "Startup" | "Liveness", message: string) => void;
  onFailure: (kind: "Startup" | "Liveness" | "Readiness", message: string) => void;
}

export interface ProberOptions {
  target: ProbeTarget;
  clock: Clock;
  /** What was found out before, by whoever probed this run first. */
  known: { readonly isStarted: boolean; readonly isReady: boolean };
  findings: ProbeFindings;
  /** Ends all probing. */
  signal: AbortSignal;
}

/** Probes one run of a container until `signal` aborts: startup first, then readiness and liveness side by side. */
export async function runProbes(options: ProberOptions): Promise<void> {
  const { target, known, findings, signal } = options;
  const { startupProbe, readinessProbe, livenessProbe } = target.container;
  if (startupProbe !== undefined && !known.isStarted) {
    const hasStarted = await untilStarted(startupProbe, options);
    if (!hasStarted || signal.aborted) return;
  }
  findings.onStarted();
  await Promise.all([
    readinessProbe === undefined ? settleAsReady(options) : watchReadiness(readinessProbe, options),
    livenessProbe === undefined ? undefined : watchLiveness(livenessProbe, options),
  ]);
}

async function settleAsReady({ target, clock, known, findings, signal }: ProberOptions): Promise<void> {
  // A startup probe has seen it alive.
  if (!known.isReady && target.container.startupProbe === undefined) await sleepOn(clock, SETTLE_DELAY_MS, signal);
  if (!signal.aborted) findings.onReady(true);
}

async function untilStarted(probe: ProbeSpec, options: ProberOptions): Promise<boolean> {
  const verdict = await repeatProbe(probe, options, {
    isEarly: true,
    onResult: (result, tally) => {
      if (!result.ok) options.findings.onFailure("Startup", result.message);
      return tally.verdict !== undefined;
    },
  });
  if (verdict?.tally.verdict === false) options.findings.onUnhealthy("Startup", verdict.message);
  return verdict?.tally.verdict === true;
}

async function watchReadiness(probe: ProbeSpec, options: ProberOptions): Promise<void> {
  let { isReady } = options.known;
  await repeatProbe(probe, options, {
    isEarly: true,
    onResult: (result, tally) => {
      if (!result.ok) options.findings.onFailure("Readiness", result.message);
      const found = tally.verdict ?? isReady;
      if (found !== isReady) options.findings.onReady(found);
      isReady = found;
      return false;
    },
  });
}

async function watchLiveness(probe: ProbeSpec, options: ProberOptions): Promise<void> {
  const end = await repeatProbe(probe, options, {
    isEarly: false,
    onResult: (result, tally) => {
      if (!result.ok) options.findings.onFailure("Liveness", result.message);
      return tally.verdict === false;
    },
  });
  if (end !== undefined) options.findings.onUnhealthy("Liveness", end.message);
}

interface Repetition {
  /** Probe often until the first success. */
  isEarly: boolean;
  /** Told each result that counts; true ends the repetition. */
  onResult: (result: ProbeResult, tally: ProbeTally) => boolean;
}

interface Ending {
  readonly tally: ProbeTally;
  readonly message: string;
}

/** Resolves with the last tally when `onResult` said so, and with undefined when the signal aborted. */
async function repeatProbe(
  probe: ProbeSpec,
  { target, clock, signal }: ProberOptions,
  { isEarly, onResult }: Repetition,
): Promise<Ending | undefined> {
  const times = parseProbeTimes(probe);
  let tally = newTally;
  let earlyAttempts = isEarly ? 0 : undefined;
  const delayMs = firstProbeDelayMs(times, isEarly);
  if (delayMs > 0) await sleepOn(clock, delayMs, signal);
  // Early failures count once a period, or thresholds would be reached before the app had the time they promise.
  let countsFromMs = clock.monotonicMs() + (isEarly ? times.periodMs : 0);
  while (!signal.aborted) {
    const result = await checkProbe(probe, target, times.timeoutMs);
    if (signal.aborted) break;
    if (result.ok) earlyAttempts = undefined;
    if (earlyAttempts === undefined || clock.monotonicMs() >= countsFromMs) {
      countsFromMs = clock.monotonicMs() + times.periodMs;
      tally = countProbe(tally, result.ok, times);
      if (onResult(result, tally)) return { tally, message: result.ok ? "" : result.message };
    }
    await sleepOn(clock, nextProbeDelayMs(times, earlyAttempts), signal);
    if (earlyAttempts !== undefined) earlyAttempts += 1;
  }
  return undefined;
}
