import { chmodSync, closeSync, existsSync, fstatSync, openSync, readSync, writeFileSync } from "node:fs";
import type { ContainerSpec } from "./container-env.ts";
import { terminationLogPreset } from "./devices.ts";
import { readLastLines } from "./log-reader.ts";
import type { Mount } from "./mounts.ts";

const MESSAGE_BYTES_MAX = 4_096;
const FALLBACK_LINES = 80;
const FALLBACK_BYTES = 2_048;

/** An empty file for a container's last words, and how it gets to see it. */
export function prepareTerminationFile(file: string, container: ContainerSpec): Mount[] {
  const target = container.terminationMessagePath ?? terminationLogPreset;
  if (target === terminationLogPreset && !existsSync(target)) return [];
  writeFileSync(file, "");
  // Whoever the container runs as.
  chmodSync(file, 0o666);
  return [{ source: file, target }];
}

export interface LastWords {
  readonly terminationFile: string;
  readonly logFile: string;
}

/** What a container that has ended says of it: the end of its file, or after a failure, where it asks for that, of its log. */
export function terminationMessageOf(
  { terminationFile, logFile }: LastWords,
  { usesLog }: { usesLog: boolean },
): string | undefined {
  const written = readTail(terminationFile);
  const message = written === "" && usesLog ? readLastLines(logFile, FALLBACK_LINES, FALLBACK_BYTES) : written;
  return message === "" ? undefined : message;
}

function readTail(file: string): string {
  if (!existsSync(file)) return "";
  const descriptor = openSync(file, "r");
  try {
    const { size } = fstatSync(descriptor);
    const buffer = Buffer.alloc(Math.min(size, MESSAGE_BYTES_MAX));
    const count = readSync(descriptor, buffer, 0, buffer.length, size - buffer.length);
    return buffer.subarray(0, count).toString("utf8");
  } finally {
    closeSync(descriptor);
  }
}
