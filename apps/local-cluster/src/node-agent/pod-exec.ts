import type { ChildProcess } from "node:child_process";
import { PassThrough, Readable } from "node:stream";
import { type ExecSession, PodExecError, type PodExec } from "../api-server/pod-exec.ts";
import { exitCodeOf, killGroup, spawnInside } from "./inside-container.ts";
import type { NodeAgent } from "./node-agent.ts";
import { resizeTerminal } from "./terminal.ts";

/** How long output is waited for after the exit: a child that was left behind may hold the pipe for ever. */
const DRAIN_TIMEOUT_MS = 1_000;

/** Commands in containers, for `kubectl exec` and `kubectl cp`. */
export function makePodExec(agent: Pick<NodeAgent, "worker">): PodExec {
  return {
    async openExec({ namespace, pod, container }, { command, hasStdin, isTerminal }) {
      const target = agent.worker(namespace, pod)?.container(container)?.target;
      if (target === undefined) throw new PodExecError(`container not found ("${container}")`);
      const child = await spawnInside(command, target, { hasStdin, isTerminal });
      await new Promise<void>((resolve, reject) => {
        child.once("error", (error) => {
          reject(new PodExecError(`cannot exec in container "${container}": ${error.message}`));
        });
        child.once("spawn", resolve);
      });
      return followCommand(child, isTerminal);
    },
  };
}

function followCommand(child: ChildProcess, isTerminal: boolean): ExecSession {
  const { stdin, stdout, stderr, pid } = child;
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
    async resize(size) {
      if (isTerminal && pid !== undefined && !hasEnded(child)) await resizeTerminal(pid, size);
    },
    kill: () => {
      // Its number may be another's by then.
      if (!hasEnded(child)) killGroup(child);
    },
  };
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}
