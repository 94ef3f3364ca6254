import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { formatDuration, parseDuration } from "./duration.ts";

test.each([
  ["0", 0],
  ["-0s", 0],
  ["1h0m0s", 3_600_000],
  ["2h45m", 9_900_000],
  ["1.5s", 1500],
  [".5s", 500],
  ["-1.5h", -5_400_000],
  ["+5s", 5000],
  ["300ms", 300],
  ["1us", 0.001],
  ["1µs", 0.001],
  ["60s", 60_000],
])("parses %s", (text, wantMs) => {
  expect(parseDuration(text)).toBe(wantMs);
});

test.each([
  ["", 'time: invalid duration ""'],
  ["-", 'time: invalid duration "-"'],
  ["30", 'time: missing unit in duration "30"'],
  ["3d", 'time: unknown unit "d" in duration "3d"'],
  ["s", 'time: invalid duration "s"'],
  ["1s ", 'time: unknown unit "s " in duration "1s "'],
  ["9999999h", 'time: invalid duration "9999999h"'],
])("refuses %p in Go's words", (text, message) => {
  expect(() => parseDuration(text)).toThrow(new RangeError(message));
});

test.each([
  [0, "0s"],
  [3_600_000, "1h0m0s"],
  [60_000, "1m0s"],
  [61_500, "1m1.5s"],
  [6000, "6s"],
  [300, "300ms"],
  [1.5, "1.5ms"],
  [0.002, "2µs"],
  [-90_000, "-1m30s"],
])("prints %d ms", (durationMs, want) => {
  expect(formatDuration(durationMs)).toBe(want);
});

test("what is printed parses to the same", () => {
  fc.assert(
    fc.property(fc.integer({ min: -1e10, max: 1e10 }), (durationMs) => {
      expect(parseDuration(formatDuration(durationMs))).toBeCloseTo(durationMs, 3);
    }),
  );
});
