import { runTool } from "../tool-process.ts";
import type { ToolAnswer } from "../tool-process.ts";

/** git as it is run here: with what environment, until when. */
export interface GitProcess {
  readonly env: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** Runs git in `dir`. `onStdout` sees all that it prints and may throw to end it. */
export async function runGit(
  { env, signal }: GitProcess,
  [dir, ...args]: readonly [dir: string, ...args: string[]],
  onStdout?: (chunk: Buffer) => void,
): Promise<ToolAnswer> {
  return await runTool({
    program: "git",
    args,
    cwd: dir,
    env,
    signal,
    remedy: "install Debian's package git",
    ...(onStdout === undefined ? {} : { onStdout }),
  });
}
