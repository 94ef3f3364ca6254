import { describe, expect, test } from "@jest/globals";
import { countProbe, firstProbeDelayMs, newTally, nextProbeDelayMs, parseProbeTimes } from "./probe.ts";

const times = parseProbeTimes({ periodSeconds: 2, failureThreshold: 2, successThreshold: 2 });

function verdicts(results: readonly boolean[]): (boolean | undefined)[] {
  let tally = newTally;
  return results.map((result) => {
    tally = countProbe(tally, result, times);
    return tally.verdict;
  });
}

describe("countProbe", () => {
  test("a verdict needs its threshold in a row", () => {
    expect(verdicts([true, false, true, true])).toEqual([undefined, undefined, undefined, true]);
  });

  test("a verdict stands until the other threshold is reached", () => {
    expect(verdicts([true, true, false, true, false, false])).toEqual([undefined, true, true, true, true, false]);
  });
});

describe("parseProbeTimes", () => {
  test("fills in Kubernetes' defaults, also for zeros", () => {
    const defaults = {
      initialDelayMs: 0,
      periodMs: 10_000,
      timeoutMs: 1_000,
      successThreshold: 1,
      failureThreshold: 3,
    };
    expect(parseProbeTimes({})).toEqual(defaults);
    expect(parseProbeTimes({ periodSeconds: 0, timeoutSeconds: 0, successThreshold: 0 })).toEqual(defaults);
  });
});

describe("nextProbeDelayMs", () => {
  test("grows from 20 ms to 250 ms until the first success, then it is the period", () => {
    const delays = [0, 1, 2, 5, 10, 1_000].map((attempt) => Math.round(nextProbeDelayMs(times, attempt)));
    expect(delays).toEqual([20, 28, 39, 108, 250, 250]);
    expect(nextProbeDelayMs(times, undefined)).toBe(2_000);
  });
});

describe("firstProbeDelayMs", () => {
  test.each([
    [{ periodSeconds: 10 }, 0, 10_000],
    [{ periodSeconds: 10, initialDelaySeconds: 3 }, 3_000, 10_000],
    [{ periodSeconds: 2, initialDelaySeconds: 30 }, 30_000, 30_000],
  ])("liveness leaves the app the time to listen: %j", (probe, earlyMs, livenessMs) => {
    const probeTimes = parseProbeTimes(probe);
    expect([true, false].map((isEarly) => firstProbeDelayMs(probeTimes, isEarly))).toEqual([earlyMs, livenessMs]);
  });
});
