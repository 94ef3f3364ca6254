import { closeSync, existsSync, fstatSync, openSync, readSync } from "node:fs";

const BYTES_MAX = 4_096;
const LINES_MAX = 15;

/** The last lines of a log file, indented; a remark when there are none. */
export function readLogTail(file: string): string {
  if (!existsSync(file)) return "  (no log yet)";
  const descriptor = openSync(file, "r");
  try {
    const { size } = fstatSync(descriptor);
    const wanted = Math.min(size, BYTES_MAX);
    const buffer = Buffer.alloc(wanted);
    readSync(descriptor, buffer, 0, wanted, size - wanted);
    const lines = buffer.toString("utf8").trimEnd().split("\n").slice(-LINES_MAX);
    return lines.map((line) => `  ${line}`).join("\n");
  } finally {
    closeSync(descriptor);
  }
}
