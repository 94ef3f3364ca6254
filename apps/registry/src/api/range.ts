/** A part of some content; both ends are part of it. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** Parses a Range header for content of a size; undefined when all is to be sent: several ranges are not served. */
export function parseRange(header: string | undefined, size: number): ByteRange | "unsatisfiable" | undefined {
  const [, first = "", last = ""] = /^bytes=(\d*)-(\d*)$/.exec(header ?? "") ?? [];
  if (first === "" && last === "") return undefined;
  if (first === "")
    return Number(last) === 0 ? "unsatisfiable" : satisfiable(Math.max(size - Number(last), 0), size - 1);
  const end = last === "" ? size - 1 : Number(last);
  if (last !== "" && end < Number(first)) return undefined;
  return satisfiable(Number(first), Math.min(end, size - 1));
}

function satisfiable(start: number, end: number): ByteRange | "unsatisfiable" {
  return start > end ? "unsatisfiable" : { start, end };
}

/** Parses the Content-Range of a chunk, such as `0-1023`; undefined when it is none. */
export function parseContentRange(header: string): ByteRange | undefined {
  const [, start, end] = /^(?:bytes )?(\d+)-(\d+)(?:\/\S+)?$/.exec(header.trim()) ?? [];
  if (start === undefined || end === undefined || Number(end) < Number(start)) return undefined;
  return { start: Number(start), end: Number(end) };
}
