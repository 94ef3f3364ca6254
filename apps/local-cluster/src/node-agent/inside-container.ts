import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:os";
import { killTree } from "./process-tree.ts";
import { toolPath } from "./runtime/tools.ts";
import { withTerminal } from "./terminal.ts";

/** A container that runs, as far as one more command in it needs to know it. */
export interface EnterableContainer {
  /** Resolves when there is something to enter. */
  readonly begun: () => Promise<void>;
  /** Words that run a command inside the container, in its directory. */
  readonly enter: (hasTerminal: boolean) => readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Runs one more command beside the app: in the same network, mounts, directory and environment. It leads a process group of
 * its own, and ends with the container.
 */
export async function spawnInside(
  command: readonly string[],
  { begun, enter, env }: EnterableContainer,
  { hasStdin, isTerminal = false }: { readonly hasStdin: boolean; readonly isTerminal?: boolean },
): Promise<ChildProcess> {
  await begun();
  const words = [...enter(isTerminal), ...command];
  // Made outside: in an image there need not be a program for it.
  const [file = "", ...args] = isTerminal ? withTerminal(words) : words;
  return spawn(file, args, {
    env: { ...env, PATH: toolPath },
    stdio: [hasStdin ? "pipe" : "ignore", "pipe", "pipe"],
    detached: true,
  });
}

/** Ends a command and its children. */
export function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  // An OCI runtime has it run in a session of its own.
  killTree(pid);
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It ended in the same moment.
  }
}

/** The exit code as a shell gives it: 128 and the signal's number when a signal ended it. */
export function exitCodeOf(code: number | null, signal: NodeJS.Signals | null): number {
  return signal === null ? (code ?? 0) : 128 + constants.signals[signal];
}
