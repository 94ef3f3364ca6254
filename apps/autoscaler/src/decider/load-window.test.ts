import { expect, test } from "@jest/globals";
import { openLoadWindow } from "./load-window.ts";

/** Adds `perSecond` request-milliseconds a second over [fromSecond, toSecond). */
function fill(
  window: ReturnType<typeof openLoadWindow>,
  [fromSecond, toSecond]: [number, number],
  perSecond: number,
): void {
  for (let second = fromSecond; second < toSecond; second += 1) window.add(perSecond, second * 1000 + 999, 1000);
}

test("nothing was ever added: undefined, not zero", () => {
  expect(openLoadWindow(60_000).averagePerMs(60_000, 5000)).toBeUndefined();
});

test("a constant load is its own average over every window", () => {
  const window = openLoadWindow(60_000);
  fill(window, [100, 200], 5000);
  expect(window.averagePerMs(60_000, 199_999)).toBeCloseTo(5, 1);
  expect(window.averagePerMs(6000, 199_999)).toBeCloseTo(5, 1);
});

test("a burst after a long silence is not diluted by the silence", () => {
  const window = openLoadWindow(60_000);
  fill(window, [0, 10], 1000);
  fill(window, [500, 502], 100_000);
  expect(window.averagePerMs(60_000, 501_999)).toBeCloseTo(100, 0);
});

test("silence decays the average and empties it after the window", () => {
  const window = openLoadWindow(10_000);
  fill(window, [0, 10], 4000);
  expect(window.averagePerMs(10_000, 14_999)).toBeCloseTo(2, 0);
  expect(window.averagePerMs(10_000, 25_000)).toBe(0);
});

test("several activators add up in the same second", () => {
  const window = openLoadWindow(10_000);
  fill(window, [0, 10], 2000);
  fill(window, [0, 10], 3000);
  expect(window.averagePerMs(6000, 9_999)).toBeCloseTo(5, 1);
});
