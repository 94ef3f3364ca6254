import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { removeContainerLog } from "./container-log.ts";

/** How many runs of a container keep their log: the present one and the one before, for `kubectl logs --previous`. */
const RUNS_KEPT = 2;

/** The log of one run of a container; runs count up from 0. */
export function logFileOf(podDirectory: string, container: string, runIndex: number): string {
  return join(podDirectory, container, `${runIndex}.log`);
}

/** The number of the last run that has a log; -1 when there is none. */
export function latestRun(podDirectory: string, container: string): number {
  return Math.max(-1, ...runsIn(join(podDirectory, container)));
}

/** Removes the logs of runs before the last two. */
export function removeOldLogs(podDirectory: string, container: string, runIndex: number): void {
  for (const run of runsIn(join(podDirectory, container))) {
    if (run <= runIndex - RUNS_KEPT) removeContainerLog(logFileOf(podDirectory, container, run));
  }
}

function runsIn(directory: string): number[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory).flatMap((name) => {
    const index = /^(\d+)\.log$/.exec(name)?.[1];
    return index === undefined ? [] : [Number(index)];
  });
}
