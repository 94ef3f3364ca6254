import { spawn } from "node:child_process";
import { StepFailure } from "../step-failure.ts";

/** git as it is run here: where, with what environment, until when. */
export interface GitProcess {
  readonly env: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** What one run of git said. */
export interface GitAnswer {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

const textBytesMax = 64 * 1024;

/**
 * Runs git in `dir` with these arguments, none of which a shell sees. Of each stream the last 64 KiB are kept;
 * `onStdout` sees all of it instead and may throw to end git.
 */
export async function runGit(
  git: GitProcess,
  [dir, ...args]: readonly [dir: string, ...args: string[]],
  onStdout?: (chunk: Buffer) => void,
): Promise<GitAnswer> {
  git.signal.throwIfAborted();
  const child = spawn("git", args, { cwd: dir, env: git.env, stdio: ["ignore", "pipe", "pipe"], detached: true });
  // git's helpers hold the connections: the whole group ends, not git alone.
  const kill = (): void => killGroup(child.pid);
  git.signal.addEventListener("abort", kill, { once: true });
  try {
    return await new Promise<GitAnswer>((resolve, reject) => {
      let [stdout, stderr] = ["", ""];
      child.stdout.on("data", (chunk: Buffer) => {
        if (onStdout === undefined) stdout = (stdout + chunk.toString()).slice(-textBytesMax);
        else
          attempt(
            () => onStdout(chunk),
            (error) => {
              kill();
              reject(error);
            },
          );
      });
      child.stderr.on("data", (chunk: Buffer) => (stderr = (stderr + chunk.toString()).slice(-textBytesMax)));
      child.on("error", (error) => reject(explainSpawn(error)));
      child.on("close", (code) => resolve({ exitCode: code ?? 128, stdout, stderr }));
    });
  } finally {
    git.signal.removeEventListener("abort", kill);
    git.signal.throwIfAborted();
  }
}

function attempt(act: () => void, onError: (error: Error) => void): void {
  try {
    act();
  } catch (error) {
    onError(error as Error);
  }
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended by itself in the meantime.
  }
}

function explainSpawn(error: Error): Error {
  if (!("code" in error) || error.code !== "ENOENT") return error;
  return new StepFailure("ToolMissing", "git is not installed in this image; install Debian's package git");
}
