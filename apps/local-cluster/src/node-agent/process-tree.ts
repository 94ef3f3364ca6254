import { readdirSync, readFileSync } from "node:fs";

/** Kills a process and all that descend from it, whatever sessions and groups they have made. Harmless when it is gone. */
export function killTree(pid: number): void {
  // Stopped first, so that it makes no more of them meanwhile.
  const doomed = [pid];
  for (const member of doomed) {
    signalIfThere(member, "SIGSTOP");
    doomed.push(...childrenOf(member));
  }
  for (const member of doomed) signalIfThere(member, "SIGKILL");
}

/** Processes that it has started and that have not ended. */
export function childrenOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8")
        .split(" ")
        .filter((word) => word !== "")
        .map(Number),
    );
  } catch {
    // It has ended.
    return [];
  }
}

function signalIfThere(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended.
  }
}
