/** A longer line is kept in pieces: a program may print anything. */
const lineBytesMax = 256 * 1024;

/**
 * Cuts a stream at newlines, at most `batchMax` lines at a time. A last line without a newline counts only where nothing can
 * follow it: elsewhere the rest of it comes when the log is read again.
 */
export async function* splitLogLines(
  chunks: AsyncIterable<Buffer>,
  { batchMax, takesRest }: { readonly batchMax: number; readonly takesRest: boolean },
): AsyncGenerator<string[]> {
  let rest = Buffer.alloc(0);
  let isCut = false;
  for await (const chunk of chunks) {
    let buffer = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const lines: string[] = [];
    for (let end = buffer.indexOf(10); end >= 0; end = buffer.indexOf(10)) {
      // What is beyond the limit of one line is dropped, up to its end.
      if (!isCut) lines.push(buffer.toString("utf8", 0, end));
      isCut = false;
      buffer = buffer.subarray(end + 1);
    }
    if (buffer.length > lineBytesMax) {
      if (!isCut) lines.push(buffer.toString("utf8", 0, lineBytesMax));
      isCut = true;
      buffer = Buffer.alloc(0);
    }
    rest = Buffer.from(buffer);
    for (let start = 0; start < lines.length; start += batchMax) yield lines.slice(start, start + batchMax);
  }
  if (rest.length > 0 && !isCut && takesRest) yield [rest.toString("utf8")];
}
