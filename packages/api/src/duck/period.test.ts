import { expect, test } from "@jest/globals";
import { hasLostDecimals, parsePeriod } from "./period.ts";

const day = 86_400_000;

// Every row but the last two was read by the Go library itself.
test.each([
  ["PT0.2S", 200],
  ["PT0.25S", 200],
  ["PT0.05S", 0],
  ["PT1.2345678S", 1_200],
  ["PT1,5S", 1_500],
  ["PT.5S", 500],
  ["PT5.S", 5_000],
  ["PT1S", 1_000],
  ["+PT1S", 1_000],
  ["PT90S", 90_000],
  ["PT3600S", 3_600_000],
  ["PT1.5M", 90_000],
  ["PT1M0.2S", 60_200],
  ["PT1.5H30M", 7_200_000],
  ["PT24H", day],
  ["P1D", day],
  ["P1.5D", 1.5 * day],
  ["P1DT1H", 25 * 3_600_000],
  ["P1DT", day],
  ["P1W", 7 * day],
  ["P2W1D", 15 * day],
  ["P1M", 2_629_746_000],
  ["P1Y", 31_556_952_000],
  ["P1Y2M3W4DT5H6M7.8S", 38_994_811_800],
  ["P0", 0],
  ["PT0S", 0],
  ["-PT1S", -1_000],
  ["PT-1S", -1_000],
  ["P-1DT1H", -25 * 3_600_000],
  ["-PT0S", 0],
  ["PT99999999999S", 99_999_999_999_000],
])("%s is %i ms", (text, want) => {
  expect(parsePeriod(text)).toBeCloseTo(want, 3);
  expect(Object.is(parsePeriod(text), -0)).toBe(false);
});

test.each(
  ["", "P", "PT", "0", "+0", "1S", "T1S", "pt1s", "P1S", "PT1D", "PT30", "P1D2", "PT1S2M", "PT1H1H", "PT 1S"].concat([
    " PT1S",
    "--PT1S",
    "PT1e3S",
    "5m",
    "PT.S",
    "PT1S\n",
  ]),
)("%j is none", (text) => {
  expect(() => parsePeriod(text)).toThrow(RangeError);
});

test.each([
  ["PT0.25S", true],
  ["PT0.05S", true],
  ["PT0.20S", false],
  ["PT0.2S", false],
  ["PT25S", false],
])("%s loses decimals: %s", (text, want) => {
  expect(hasLostDecimals(text)).toBe(want);
});
