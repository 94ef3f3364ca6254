import { expect, test } from "@jest/globals";
import { limitsOf } from "./limits.ts";

test("no annotations: a hundred attempts at once, as many a second as come", () => {
  expect(limitsOf()).toEqual({
    limits: { inFlight: 100, ratePerSecond: undefined, backlog: 100_000 },
    problem: undefined,
  });
});

test("limits that are asked for", () => {
  const asked = { "kelvin.dev/max-in-flight": "5", "kelvin.dev/rate-limit": "0.5" };
  expect(limitsOf(asked)).toMatchObject({ limits: { inFlight: 5, ratePerSecond: 0.5 }, problem: undefined });
});

test.each(["0", "-1", "1.5", "10001", "many", ""])("%j attempts at once is refused, and the default holds", (text) => {
  const { limits, problem } = limitsOf({ "kelvin.dev/max-in-flight": text });
  expect(limits.inFlight).toBe(100);
  expect(problem).toBe(`kelvin.dev/max-in-flight: must be a whole number from 1 to 10000, was "${text}"`);
});

test.each(["0", "-1", "1e3", "100001", "Infinity"])("%j attempts a second is refused, and none holds", (text) => {
  const { limits, problem } = limitsOf({ "kelvin.dev/rate-limit": text });
  expect(limits.ratePerSecond).toBeUndefined();
  expect(problem).toContain(`was "${text}"`);
});
