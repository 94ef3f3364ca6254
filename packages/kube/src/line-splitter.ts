import { UnavailableError } from "./errors.ts";

/** Above the largest object an API server stores (1.5 MB in etcd), with room for escapes. */
const LINE_BYTES_MAX = 16 * 1024 * 1024;

/**
 * Cuts a byte stream at newlines; a last line without one is dropped, for the connection broke within it.
 * @throws UnavailableError when a line exceeds `bytesMax`.
 */
export async function* splitLines(
  chunks: AsyncIterable<Buffer>,
  bytesMax: number = LINE_BYTES_MAX,
): AsyncGenerator<string> {
  let partial: Buffer[] = [];
  let partialBytes = 0;
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      partial.push(chunk.subarray(start, end));
      const line = Buffer.concat(partial).toString("utf8");
      partial = [];
      partialBytes = 0;
      start = end + 1;
      if (line.trim() !== "") yield line;
    }
    if (start === chunk.length) continue;
    partial.push(chunk.subarray(start));
    partialBytes += chunk.length - start;
    if (partialBytes > bytesMax) throw new UnavailableError(`a watch event is larger than ${bytesMax} bytes`);
  }
}
