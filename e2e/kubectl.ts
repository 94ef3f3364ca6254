import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Kelvin } from "./kelvin.ts";

/** How one kubectl command ended. */
export interface KubectlResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The real kubectl, bound to one cluster. */
export interface Kubectl {
  /** Runs it and returns stdout. Throws with everything it said when it fails. */
  (...args: string[]): Promise<string>;
  /** Runs it with this on stdin, whatever the outcome. */
  withInput(input: string, ...args: string[]): Promise<KubectlResult>;
  /** Runs it whatever the outcome. */
  attempt(...args: string[]): Promise<KubectlResult>;
  /** Leaves it running; the caller ends it. */
  open(...args: string[]): ChildProcessWithoutNullStreams;
  /** `get -o json` of one object. */
  getObject(...args: string[]): Promise<Record<string, never>>;
}

/** kubectl against this Kelvin, with a cache of its own. `wrapper` are words before it. */
export function kubectlFor(kelvin: Pick<Kelvin, "kubeconfig">, wrapper: readonly string[] = []): Kubectl {
  const cacheDir = mkdtempSync(join(tmpdir(), "kelvin-kubectl-"));
  const open = (...args: string[]): ChildProcessWithoutNullStreams => {
    const options = [`--kubeconfig=${kelvin.kubeconfig}`, `--cache-dir=${cacheDir}`];
    const [file = "", ...words] = [...wrapper, "kubectl", ...options, ...args];
    return spawn(file, words);
  };

  function run(input: string, args: string[]): Promise<KubectlResult> {
    const child = open(...args);
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk: Buffer) => void (stdout += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => void (stderr += chunk.toString()));
    child.stdin.end(input);
    return new Promise((resolve) => void child.once("close", (code) => resolve({ code, stdout, stderr })));
  }

  const kubectl = async (...args: string[]): Promise<string> => {
    const result = await run("", args);
    if (result.code !== 0)
      throw new Error(`kubectl ${args.join(" ")} ended with ${result.code}:\n${result.stdout}${result.stderr}`);
    return result.stdout;
  };
  return Object.assign(kubectl, {
    withInput: (input: string, ...args: string[]) => run(input, args),
    attempt: (...args: string[]) => run("", args),
    open,
    getObject: async (...args: string[]) =>
      JSON.parse(await kubectl("get", ...args, "-o", "json")) as Record<string, never>,
  });
}
