/**
 * How far a window may reach beyond its first unfinished record. As bits in base64 that is 2,700 letters: the broker keeps
 * 4,096 with each committed offset (its `offset.metadata.max.bytes`).
 */
export const SPAN_MAX = 16_000;

const PREFIX = "k1:";

/**
 * What is finished beyond the committed offset, as text that is kept with it: a bit a record, counted from that offset.
 *
 * @param finished Offsets, each less than `SPAN_MAX` beyond `from`.
 */
export function writeMarks(from: number, finished: readonly number[]): string {
  if (finished.length === 0) return "";
  const bits = Buffer.alloc(Math.ceil((Math.max(...finished) - from + 1) / 8));
  for (const offset of finished) {
    const place = offset - from;
    bits[place >> 3] = (bits[place >> 3] ?? 0) | (1 << (place & 7));
  }
  return PREFIX + bits.toString("base64url");
}

/** And back. Text that somebody else left there marks nothing. */
export function readMarks(from: number, text: string | null): Set<number> {
  const finished = new Set<number>();
  if (text === null || !text.startsWith(PREFIX)) return finished;
  for (const [index, byte] of Buffer.from(text.slice(PREFIX.length), "base64url").entries()) {
    for (let bit = 0; bit < 8; bit += 1) if ((byte & (1 << bit)) !== 0) finished.add(from + index * 8 + bit);
  }
  return finished;
}
