import { describe, expect, test } from "@jest/globals";
import { fakeClock } from "@kelvin/testkit";
import { type ProbeAttempt, probeUntilPassed } from "./early-probe.ts";

const target = { kind: "tcp", host: "10.0.0.1", port: 1, path: "", headers: {} } as const;
const options = { initialDelayMs: 0, successesNeeded: 1, attemptMsMax: 1_000, giveUpMs: 60_000 };

function start(passes: (count: number) => boolean, overrides: Partial<typeof options> = {}, attemptsMax = 10) {
  const clock = fakeClock();
  const abort = new AbortController();
  const askedAtMs: number[] = [];
  const attempt: ProbeAttempt = () => {
    askedAtMs.push(clock.monotonicMs());
    return Promise.resolve(passes(askedAtMs.length));
  };
  const load = { attempts: 0, attemptsMax };
  const result = { value: undefined as boolean | undefined };
  const done = probeUntilPassed(
    target,
    { ...options, ...overrides, signal: abort.signal },
    { clock, attempt, load },
  ).then((value) => (result.value = value));
  return { clock, abort, askedAtMs, load, result, done };
}

describe("probing early", () => {
  test("asks every 20 ms at first and passes as soon as it may", async () => {
    const { clock, askedAtMs, result } = start((count) => count === 4);
    await clock.advance(100);
    expect(askedAtMs).toEqual([0, 20, 40, 60]);
    expect(result.value).toBe(true);
  });

  test("slows down with the time it takes, to once a second", async () => {
    const { clock, askedAtMs } = start(() => false);
    await clock.advance(30_000);
    const gaps = askedAtMs.slice(1).map((atMs, i) => atMs - (askedAtMs[i] ?? 0));
    expect(gaps[0]).toBe(20);
    expect(Math.max(...gaps)).toBe(1_000);
    expect(gaps.every((gap, i) => gap >= (gaps[i - 1] ?? 0))).toBe(true);
  });

  test("honours the user's delay and number of successes in a row", async () => {
    const { clock, askedAtMs, result } = start((count) => count !== 2, { initialDelayMs: 500, successesNeeded: 3 });
    await clock.advance(550);
    expect(askedAtMs[0]).toBe(500);
    expect(result.value).toBeUndefined();
    await clock.advance(100);
    expect(askedAtMs.length).toBe(5);
    expect(result.value).toBe(true);
  });

  test("ends when told to, and after its limit", async () => {
    const stopped = start(() => false);
    await stopped.clock.advance(50);
    stopped.abort.abort();
    await stopped.done;
    expect(stopped.result.value).toBe(false);
    const given = start(() => false, { giveUpMs: 1_000 });
    await given.clock.advance(2_000);
    expect(given.result.value).toBe(false);
    expect(given.clock.pendingTimers).toBe(0);
  });

  test("waits its turn when too many ask at the same time", async () => {
    const { clock, askedAtMs, load, result } = start(() => true, {}, 0);
    await clock.advance(100);
    expect(askedAtMs).toEqual([]);
    Object.assign(load, { attemptsMax: 1 });
    await clock.advance(100);
    expect(result.value).toBe(true);
    expect(load.attempts).toBe(0);
  });
});
