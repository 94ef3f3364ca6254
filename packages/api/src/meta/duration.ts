// Durations as Go writes them ("1h0m0s"), which is how they stand in annotations and ConfigMaps. Ours are in milliseconds.

const msPerUnit: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/**
 * Milliseconds of a duration such as `300ms`, `-1.5h` or `2h45m`. Finer than a millisecond is a fraction.
 * @throws RangeError with Go's text when it is not one; show the text to whoever wrote it.
 */
export function parseDuration(text: string): number {
  const sign = text.startsWith("-") ? -1 : 1;
  const body = text.replace(/^[+-]/, "");
  if (body === "0") return 0;
  if (body === "") throw new RangeError(`time: invalid duration "${text}"`);
  let totalMs = 0;
  let rest = body;
  while (rest !== "") {
    const part = parsePart(rest, text);
    totalMs += part.durationMs;
    rest = rest.slice(part.length);
  }
  if (totalMs > durationMsMax) throw new RangeError(`time: invalid duration "${text}"`);
  return totalMs === 0 ? 0 : sign * totalMs;
}

// One number with its unit, at the beginning of `rest`; `text` is the whole, for errors.
function parsePart(rest: string, text: string): { durationMs: number; length: number } {
  const match = /^(\d+\.?\d*|\.\d+)([^\d.]*)/.exec(rest);
  if (match === null) throw new RangeError(`time: invalid duration "${text}"`);
  const [matched, number = "", unit = ""] = match;
  if (unit === "") throw new RangeError(`time: missing unit in duration "${text}"`);
  const unitMs = msPerUnit[unit];
  if (unitMs === undefined) throw new RangeError(`time: unknown unit "${unit}" in duration "${text}"`);
  return { durationMs: Number(number) * unitMs, length: matched.length };
}

/** The duration as Go prints it: `1h0m0s`, `1.5s`, `100ms`, `0s`. */
export function formatDuration(durationMs: number): string {
  if (durationMs === 0) return "0s";
  const sign = durationMs < 0 ? "-" : "";
  const ns = Math.round(Math.abs(durationMs) * 1e6);
  if (ns < 1e3) return `${sign}${ns}ns`;
  if (ns < 1e6) return `${sign}${ns / 1e3}µs`;
  if (ns < 1e9) return `${sign}${ns / 1e6}ms`;
  const seconds = ns / 1e9;
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  const rest = Number((seconds - hours * 3600 - minutes * 60).toFixed(9));
  if (hours > 0) return `${sign}${hours}h${minutes}m${rest}s`;
  return minutes > 0 ? `${sign}${minutes}m${rest}s` : `${sign}${rest}s`;
}

// What 64 bits of nanoseconds hold.
const durationMsMax = 9_223_372_036_854;
