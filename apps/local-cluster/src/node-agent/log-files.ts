import { readdirSync } from "node:fs";
import { join } from "node:path";
import { removeContainerLog } from "./container-log.ts";

/** How many runs of a container keep their log: the present one and the one before, for `kubectl logs --previous`. */
const RUNS_KEPT = 2;

/** The log of one run of a container; runs count up from 0. */
export function logFileOf(podDirectory: string, container: string, runIndex: number): string {
  return join(podDirectory, container, `${runIndex}.log`);
}

/** Removes the logs of runs before the last two. */
export function removeOldLogs(podDirectory: string, container: string, runIndex: number): void {
  for (const name of readdirSync(join(podDirectory, container))) {
    const index = /^(\d+)\.log$/.exec(name)?.[1];
    if (index !== undefined && Number(index) <= runIndex - RUNS_KEPT) removeContainerLog(join(podDirectory, container, name));
  }
}
