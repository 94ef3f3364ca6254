import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, jest } from "@jest/globals";
import { parseStepOutcome } from "@kelvin/api/build/v1alpha1/step-outcome";
import type { StepOutcome } from "@kelvin/api/build/v1alpha1/step-outcome";
import { runStep } from "../src/app.ts";
import { parseConfig } from "../src/config.ts";

const testPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** What came of one run of a sub-command. */
export interface StepRun {
  readonly exitCode: number;
  readonly lines: readonly string[];
  readonly outcome: StepOutcome;
  result(name: string): string | undefined;
}

/** A place on disk of one test's own, with a runner of sub-commands in it. */
export interface StepBench {
  /** An absolute path below the test's directory. */
  path(...parts: string[]): string;
  run(argv: readonly string[], env?: NodeJS.ProcessEnv): Promise<StepRun>;
}

/** Gives each test of the file a fresh directory with a `workspace` folder, and removes it afterwards. */
export function useStepBench(): StepBench {
  // They run git, sshd and registries, which a busy machine makes slow.
  jest.setTimeout(120_000);
  let dir = "";
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), "kelvin-step-"));
    await mkdir(join(dir, "workspace"));
  });
  afterEach(async () => await rm(dir, { recursive: true, force: true }));
  const path = (...parts: string[]): string => join(dir, ...parts);
  return { path, run: async (argv, env = {}) => await runInto(path("termination-log"), argv, env) };
}

async function runInto(log: string, argv: readonly string[], env: NodeJS.ProcessEnv): Promise<StepRun> {
  const lines: string[] = [];
  const exitCode = await runStep(argv, {
    config: parseConfig({ PATH: testPath, ...env, TERMINATION_LOG_PATH: log }),
    writeLine: (line) => lines.push(line),
    signal: new AbortController().signal,
  });
  const outcome = parseStepOutcome(await readFile(log, "utf8"));
  if (outcome === undefined) throw new Error(`no outcome in ${await readFile(log, "utf8")}`);
  return { exitCode, lines, outcome, result: (name) => outcome.results.find((one) => one.name === name)?.value };
}
