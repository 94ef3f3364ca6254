import type { ChildProcess } from "node:child_process";
import { PassThrough, Readable } from "node:stream";
import { type ExecSession, PodExecError, type PodExec } from "../api-server/pod-exec.ts";
import { exitCodeOf, killGroup, spawnInside } from "./inside-container.ts";
import type { NodeAgent } from "./node-agent.ts";

/** How long output is waited for after the exit: a child that was left behind may hold the pipe for ever. */
const DRAIN_TIMEOUT_MS = 1_000;

/** Commands in containers, for `kubectl exec` and `kubectl cp`. */
export function makePodExec(agent: Pick<NodeAgent, "worker">): PodExec {
  return {
    async openExec({ namespace, pod, container }, { command, hasStdin, isTerminal }) {
      const target = agent.worker(namespace, pod)?.container(container)?.target;
      if (target === undefined) throw new PodExecError(`container not found ("${container}")`);
      const words = isTerminal ? withTerminal(command) : command;
      const child = await spawnInside(words, target, { hasStdin });
      await new Promise<void>((resolve, reject) => {
        child.once("error", (error) => {
          reject(new PodExecError(`cannot exec in container "${container}": ${error.message}`));
        });
        child.once("spawn", resolve);
      });
      return followCommand(child);
    },
  };
}

/**
 * Gives a command a terminal. Making one takes a system call that node does not have; the program `script`, of the same
 * package as nsenter on most systems, does it. It does not hear of the window's size.
 */
function withTerminal(command: readonly string[]): string[] {
  const missing = "kelvin: a terminal needs the program script on this machine; try without -t";
  const shell = `command -v script >/dev/null || { echo "${missing}" >&2; exit 127; }
exec script --quiet --flush --return --echo always --command "$1" /dev/null`;
  const quoted = command.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
  return ["/bin/sh", "-c", shell, "kelvin", `exec ${quoted}`];
}

function followCommand(child: ChildProcess): ExecSession {
  const { stdin, stdout, stderr } = child;
  const exited = new Promise<number>((resolve) => {
    child.once("exit", (code, signal) => {
      const drain = setTimeout(() => {
        stdout?.destroy();
        stderr?.destroy();
      }, DRAIN_TIMEOUT_MS);
      child.once("close", () => clearTimeout(drain));
      resolve(exitCodeOf(code, signal));
    });
  });
  return {
    stdin: stdin ?? new PassThrough().resume(),
    stdout: stdout ?? Readable.from([]),
    stderr: stderr ?? Readable.from([]),
    exited,
    kill: () => {
      // Its number may be another's by then.
      if (child.exitCode === null && child.signalCode === null) killGroup(child);
    },
  };
}
