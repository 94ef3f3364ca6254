import { connect } from "node:net";
import type { Clock } from "@kelvin/kube";
import { request } from "../node-http.ts";
import type { ProbeTarget } from "./pod-facts.ts";

/** One try. Resolves, never rejects: true when it passed. */
export type ProbeAttempt = (
  target: ProbeTarget,
  limits: { timeoutMs: number; signal: AbortSignal },
) => Promise<boolean>;

export interface ProbeLoopOptions {
  readonly initialDelayMs: number;
  readonly successesNeeded: number;
  readonly attemptMsMax: number;
  /** After this long only kubelet is believed. Infinity: until aborted. */
  readonly giveUpMs: number;
}

export interface ProbeWorld {
  readonly clock: Clock;
  readonly attempt: ProbeAttempt;
  /** Attempts under way in the whole process. */
  readonly load: { attempts: number; readonly attemptsMax: number };
}

const delayMsMin = 20;
const delayMsMax = 1_000;
const attemptMsMin = 250;

/**
 * Asks until it has passed as often as needed in a row. Quick at first; the pause then grows with the time it has taken
 * so far, so that asking adds a tenth to a slow start and next to nothing to a quick one. True when it passed.
 */
export async function probeUntilPassed(
  target: ProbeTarget,
  options: ProbeLoopOptions & { signal: AbortSignal },
  world: ProbeWorld,
): Promise<boolean> {
  const { clock, attempt, load } = world;
  const { signal } = options;
  await clock.sleep(options.initialDelayMs, signal);
  const startedMs = clock.monotonicMs();
  let successes = 0;
  let attemptMs = Math.min(attemptMsMin, options.attemptMsMax);
  while (!signal.aborted) {
    if (load.attempts < load.attemptsMax) {
      const beganMs = clock.monotonicMs();
      load.attempts++;
      const hasPassed = await attempt(target, { timeoutMs: attemptMs, signal });
      load.attempts--;
      if (signal.aborted) return false;
      successes = hasPassed ? successes + 1 : 0;
      if (successes >= options.successesNeeded) return true;
      // A far away or a busy pod needs longer: the limit follows what was seen.
      if (clock.monotonicMs() - beganMs >= attemptMs) attemptMs = Math.min(attemptMs * 2, options.attemptMsMax);
    }
    const elapsedMs = clock.monotonicMs() - startedMs;
    if (elapsedMs >= options.giveUpMs) return false;
    await clock.sleep(Math.min(delayMsMax, Math.max(delayMsMin, elapsedMs / 10)), signal);
  }
  return false;
}

/** Asks over the network, as kubelet would. */
export const networkAttempt: ProbeAttempt = async (target, limits) => {
  const signal = AbortSignal.any([limits.signal, AbortSignal.timeout(limits.timeoutMs)]);
  try {
    return target.kind === "tcp" ? await attemptTcp(target, signal) : await attemptHttp(target, signal);
  } catch {
    // A header or path that could not be sent is a probe that can never pass; kubelet will say so.
    return false;
  }
};

function attemptTcp(target: ProbeTarget, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: target.host, port: target.port, signal });
    const finish = (hasPassed: boolean): void => {
      socket.destroy();
      resolve(hasPassed);
    };
    socket.once("connect", () => {
      finish(true);
    });
    socket.on("error", () => {
      finish(false);
    });
  });
}

function attemptHttp(target: ProbeTarget, signal: AbortSignal): Promise<boolean> {
  const { host, port, path } = target;
  const headers = {
    "user-agent": "kube-probe/kelvin-activator",
    accept: "*/*",
    ...target.headers,
    connection: "close",
  };
  return new Promise((resolve) => {
    const outgoing = request({ host, port, path, headers, agent: false, signal }, (response) => {
      const status = response.statusCode ?? 0;
      response.destroy();
      resolve(status >= 200 && status < 400);
    });
    outgoing.on("error", () => {
      resolve(false);
    });
    outgoing.end();
  });
}
