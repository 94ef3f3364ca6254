// ISO 8601 durations as they are read by the library that Knative uses (github.com/rickb777/date/period 1.13).

/**
 * Milliseconds of a duration such as `PT0.2S`, `PT1M30S`, `P1W` or `P1DT12H`. Each number counts to its first decimal, so
 * `PT0.25S` is 200 and `PT0.05S` is 0. A month is a twelfth of a year, a year 365.2425 days. A minus anywhere makes the whole
 * negative.
 * @throws RangeError when it is none; the text says what one looks like.
 */
export function parsePeriod(text: string): number {
  if (text === "P0") return 0;
  const match = periodFormat.exec(text);
  const parts: readonly (string | undefined)[] = match?.slice(2) ?? [];
  if (match === null || parts.every((part) => part === undefined)) {
    throw new RangeError(`"${text}" is not an ISO 8601 duration such as PT0.2S or PT1M30S`);
  }
  const tenths = parts.map((part = "0") => tenthsOf(part.replace(/^[+-]/, "")));
  const ms = tenths.reduce((sum, count, index) => sum + (count * (msPerPart[index] ?? 0)) / 10, 0);
  return ms > 0 && (match[1] === "-" || parts.some((part) => part?.startsWith("-") === true)) ? -ms : ms;
}

/** Whether a number in the duration has more decimals than count. */
export function hasLostDecimals(text: string): boolean {
  return /[.,]\d\d*[1-9]/.test(text);
}

const number = String.raw`([+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+))`;
const part = (mark: string): string => `(?:${number}${mark})?`;
const periodFormat = new RegExp(
  `^([+-]?)P${part("Y")}${part("M")}${part("W")}${part("D")}(?:T${part("H")}${part("M")}${part("S")})?$`,
);

const msPerDay = 86_400_000;
const msPerYear = 365.2425 * msPerDay;
const msPerPart = [msPerYear, msPerYear / 12, 7 * msPerDay, msPerDay, 3_600_000, 60_000, 1_000];

// In tenths, because binary fractions would not add up.
function tenthsOf(digits: string): number {
  const [whole = "", fraction = ""] = digits.split(/[.,]/);
  return Number(whole) * 10 + Number(fraction.slice(0, 1));
}
