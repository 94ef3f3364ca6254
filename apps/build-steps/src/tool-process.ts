import { spawn } from "node:child_process";
import { errorCode } from "./error-code.ts";
import { StepFailure } from "./step-failure.ts";

/** A program of the system's that does a part of a step's work. */
export interface ToolCall {
  readonly program: string;
  /** Passed as they are: no shell sees them. */
  readonly args: readonly string[];
  readonly cwd: string;
  /** All of its environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** Sees all of a stream while it comes. May throw, which ends the program. */
  readonly onStdout?: (chunk: Buffer) => void;
  readonly onStderr?: (chunk: Buffer) => void;
  /** What to do when the program is not there. */
  readonly remedy: string;
}

/** What a program said at its end: the last 64 KiB of each stream. */
export interface ToolAnswer {
  /** 128 when a signal ended it. */
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

const textLengthMax = 64 * 1024;

/**
 * Runs a program to its end. When the signal aborts, it is killed with all that it has started.
 *
 * @throws StepFailure `ToolMissing`; the signal's reason when it aborts.
 */
export async function runTool(call: ToolCall): Promise<ToolAnswer> {
  const { program, args, cwd, env, signal } = call;
  signal.throwIfAborted();
  const child = spawn(program, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"], detached: true });
  // Its helpers hold the connections: the whole group ends, not it alone.
  const kill = (): void => killGroup(child.pid);
  signal.addEventListener("abort", kill, { once: true });
  try {
    return await new Promise<ToolAnswer>((resolve, reject) => {
      const end = (error: Error): void => {
        kill();
        reject(error);
      };
      const stdout = collect(child.stdout, call.onStdout, end);
      const stderr = collect(child.stderr, call.onStderr, end);
      child.on("error", (error) => reject(explain(error, call)));
      child.on("close", (code) => resolve({ exitCode: code ?? 128, stdout: stdout(), stderr: stderr() }));
    });
  } finally {
    signal.removeEventListener("abort", kill);
    signal.throwIfAborted();
  }
}

function collect(
  stream: NodeJS.ReadableStream,
  see: ((chunk: Buffer) => void) | undefined,
  onError: (error: Error) => void,
): () => string {
  let text = "";
  stream.on("data", (chunk: Buffer) => {
    text = (text + chunk.toString()).slice(-textLengthMax);
    try {
      see?.(chunk);
    } catch (error) {
      onError(error as Error);
    }
  });
  return () => text;
}

/** Hands on whole lines of what comes in pieces. A line that never ends is cut at 64 KiB. */
export function eachLine(use: (line: string) => void): (chunk: Buffer) => void {
  let rest = "";
  return (chunk) => {
    const lines = (rest + chunk.toString()).split(/\r?\n|\r/);
    rest = (lines.pop() ?? "").slice(-textLengthMax);
    for (const line of lines) use(line);
  };
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended by itself in the meantime.
  }
}

function explain(error: Error, { program, remedy }: ToolCall): Error {
  if (errorCode(error) !== "ENOENT") return error;
  return new StepFailure("ToolMissing", `${program} is not installed in this image; ${remedy}`, { cause: error });
}
