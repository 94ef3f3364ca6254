import type { LogEnd } from "./log-store.ts";

/** The end of an empty log. */
export const emptyEnd: LogEnd = { lastTime: undefined, lastTimeCount: 0, bytes: 0, isComplete: false };

/** The time that a line begins with. */
export function timeOf(line: string): string {
  const space = line.indexOf(" ");
  return space < 0 ? line : line.slice(0, space);
}

/** The end after these lines were added. */
export function endAfter(end: LogEnd, lines: readonly string[]): LogEnd {
  let { lastTime, lastTimeCount, bytes } = end;
  for (const line of lines) {
    const time = timeOf(line);
    lastTimeCount = time === lastTime ? lastTimeCount + 1 : 1;
    lastTime = time;
    bytes += Buffer.byteLength(line) + 1;
  }
  return { ...end, lastTime, lastTimeCount, bytes };
}

/**
 * Tells, line by line, which lines of a log that was opened again are new: those after the last one that is kept. Lines may
 * share a time, so those of the last time are counted.
 */
export function makeResume({ lastTime, lastTimeCount }: LogEnd): (line: string) => boolean {
  if (lastTime === undefined) return () => true;
  const last = comparable(lastTime);
  let isPast = false;
  let seen = 0;
  return (line) => {
    if (isPast) return true;
    const time = comparable(timeOf(line));
    if (time === last) {
      seen += 1;
      isPast = seen > lastTimeCount;
    } else {
      isPast = time > last;
    }
    return isPast;
  };
}

// Fractions come with zeros at their end left out.
function comparable(time: string): string {
  const [seconds = "", fraction = ""] = time.replace(/Z$/, "").split(".");
  return `${seconds}.${fraction.padEnd(9, "0")}`;
}
