import { readdirSync, readFileSync } from "node:fs";

/** A process that forks while we look may leave a child behind: look until there is none. */
const PASSES_MAX = 5;

/** Kills every process that has `name=value` in its environment, and so everything it started. We are never one of them. */
export function killMarked(name: string, value: string): void {
  for (let pass = 0; pass < PASSES_MAX; pass += 1) {
    const found = findMarked(`${name}=${value}`);
    if (found.length === 0) return;
    for (const pid of found) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It ended in the same moment.
      }
    }
  }
}

function findMarked(entry: string): number[] {
  const pids = readdirSync("/proc").filter((file) => /^\d+$/.test(file));
  return pids.map(Number).filter((pid) => pid !== process.pid && environmentOf(pid).includes(entry));
}

function environmentOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
  } catch {
    // Another user's, or gone.
    return [];
  }
}
