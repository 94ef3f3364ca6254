import { execFile } from "node:child_process";
import { readlinkSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import type { WindowSize } from "../api-server/pod-exec.ts";
import { childrenOf } from "./process-tree.ts";
import { shellQuote } from "./runtime/shell-quote.ts";
import { toolPath } from "./runtime/tools.ts";

const POLL_MS = 10;
const POLLS_MAX = 200;

/**
 * Gives a command a terminal. Making one takes a system call that node does not have; the program `script`, of the same
 * package as nsenter on most systems, does it.
 */
export function withTerminal(words: readonly string[]): string[] {
  const missing = "kelvin: a terminal needs the program script on this machine; try without -t";
  const shell = `command -v script >/dev/null || { echo "${missing}" >&2; exit 127; }
SHELL=/bin/sh TERM="\${TERM:-xterm}" exec script --quiet --flush --return --echo always --command "$1" /dev/null`;
  return ["/bin/sh", "-c", shell, "kelvin", `exec ${words.map(shellQuote).join(" ")}`];
}

/** Tells the terminal that such a command has of its window; the kernel tells the app. Nothing where there is none. */
export async function resizeTerminal(pid: number, { columns, rows }: WindowSize): Promise<void> {
  const terminal = await findTerminal(pid);
  if (terminal === undefined) return;
  const args = ["-F", terminal, "columns", String(columns), "rows", String(rows)];
  await new Promise<void>((resolve) => {
    // It may have ended meanwhile: then nobody wants to know.
    execFile("stty", args, { env: { PATH: toolPath } }, () => resolve());
  });
}

/** That of the first child of `script`, which it makes a moment after its own start. */
async function findTerminal(pid: number): Promise<string | undefined> {
  for (let poll = 0; poll < POLLS_MAX; poll += 1) {
    const found = childrenOf(pid)
      .map(terminalOf)
      .find((terminal) => terminal !== undefined);
    if (found !== undefined) return found;
    // oxlint-disable-next-line no-await-in-loop -- one look after another is the purpose
    await delay(POLL_MS);
  }
  return undefined;
}

function terminalOf(pid: number): string | undefined {
  try {
    const file = readlinkSync(`/proc/${pid}/fd/0`);
    return /^\/dev\/pts\/\d+$/.test(file) ? file : undefined;
  } catch {
    // It has ended.
    return undefined;
  }
}
