import { fieldErrorText, schemaErrors } from "@kelvin/api";
import { ActivatorReport } from "@kelvin/api/scaling";

const lineBytesMax = 4 * 1024 * 1024;

/** An activator sent a line that is no report. The stream is refused; the activator connects again. */
export class BadReportError extends Error {
  override readonly name = "BadReportError";
}

/**
 * Yields the reports of one stream (NDJSON: one JSON object a line) as they come.
 * @throws BadReportError for a line that is over 4 MiB, not JSON, or not an ActivatorReport.
 */
export async function* parseReportLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<ActivatorReport> {
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      const line = Buffer.concat([...pending, chunk.subarray(start, end)]).toString("utf8");
      pending = [];
      pendingBytes = 0;
      start = end + 1;
      if (line.trim() !== "") yield parseReport(line);
    }
    pending.push(chunk.subarray(start));
    pendingBytes += chunk.length - start;
    if (pendingBytes > lineBytesMax) throw new BadReportError(`a line is over ${lineBytesMax} bytes`);
  }
}

/** Parses one line. @throws BadReportError naming the field that is wrong. */
export function parseReport(line: string): ActivatorReport {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw new BadReportError(`a line is not JSON: ${line.slice(0, 100)}`, { cause: error });
  }
  const errors = schemaErrors(ActivatorReport, value);
  if (errors.length > 0) throw new BadReportError(`a line is no report: ${fieldErrorText(errors)}`);
  return value as ActivatorReport;
}
