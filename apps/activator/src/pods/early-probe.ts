import { request } from "node:http";
import { connect } from "node:net";
import type { Clock } from "@kelvin/kube";
import type { EarlyProbe } from "./pod-facts.ts";

/** What is asked: an HTTP GET or a TCP connection. */
export type ProbeTarget = Pick<EarlyProbe, "kind" | "host" | "port" | "path" | "headers">;

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
export const networkAttempt: ProbeAttempt = (target, limits) =>
  target.kind === "tcp" ? attemptTcp(target, limits) : attemptHttp(target, limits);

function attemptTcp(target: ProbeTarget, limits: { timeoutMs: number; signal: AbortSignal }): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: target.host, port: target.port });
    const finish = (hasPassed: boolean): void => {
      clearTimeout(timer);
      limits.signal.removeEventListener("abort", abandon);
      socket.destroy();
      resolve(hasPassed);
    };
    const abandon = (): void => {
      finish(false);
    };
    const timer = setTimeout(abandon, limits.timeoutMs);
    limits.signal.addEventListener("abort", abandon, { once: true });
    socket.once("connect", () => {
      finish(true);
    });
    socket.on("error", abandon);
  });
}

function attemptHttp(target: ProbeTarget, limits: { timeoutMs: number; signal: AbortSignal }): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => outgoing.destroy(new Error("probe timed out")), limits.timeoutMs);
    const finish = (hasPassed: boolean): void => {
      clearTimeout(timer);
      resolve(hasPassed);
    };
    const outgoing = request(
      {
        host: target.host,
        port: target.port,
        path: target.path,
        agent: false,
        signal: limits.signal,
        headers: { "user-agent": "kube-probe/kelvin-activator", accept: "*/*", ...target.headers, connection: "close" },
      },
      (response) => {
        const status = response.statusCode ?? 0;
        response.destroy();
        finish(status >= 200 && status < 400);
      },
    );
    outgoing.on("error", () => {
      finish(false);
    });
    outgoing.end();
  });
}
