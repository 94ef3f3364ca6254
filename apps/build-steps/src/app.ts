import { writeFile } from "node:fs/promises";
import type { Command, CommandContext } from "./command.ts";
import type { Config } from "./config.ts";
import { encodeStepOutcome } from "@kelvin/api/build/v1alpha1/step-outcome";
import type { StepOutcome } from "@kelvin/api/build/v1alpha1/step-outcome";
import { errorCode, errorText } from "./error-code.ts";
import { StepFailure, UsageError } from "./step-failure.ts";
import { makePrinter } from "./printer.ts";

/** Each is loaded only when it is the one asked for: a step must cost no more than its own work. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  credentials: async () => (await import("./credentials/command.ts")).credentials,
  "fetch-archive": async () => (await import("./archive/command.ts")).fetchArchive,
  "fetch-image": async () => (await import("./image/command.ts")).fetchImage,
  "fetch-git": async () => (await import("./git/command.ts")).fetchGit,
  pack: async () => (await import("./pack/command.ts")).packDirectory,
  dockerfile: async () => (await import("./dockerfile/command.ts")).buildDockerfile,
  "cache-restore": async () => (await import("./cache/command.ts")).cacheRestore,
  "cache-save": async () => (await import("./cache/command.ts")).cacheSave,
  "npm-install": async () => (await import("./npm/command.ts")).npmInstall,
  nop: async () => (await import("./nop.ts")).nop,
};

/** What main gives: the environment and where lines go. */
export interface StepIo {
  readonly config: Config;
  readonly writeLine: (line: string) => void;
  readonly signal: AbortSignal;
}

/** Runs one sub-command to its end, writes its outcome, and tells the exit code: 0 done, 1 failed, 2 called wrongly. */
export async function runStep(argv: readonly string[], io: StepIo): Promise<number> {
  const printer = makePrinter(io.writeLine);
  const context: CommandContext = { config: io.config, signal: io.signal, ...printer };
  try {
    const [name = "", ...args] = argv;
    const results = await (await loadCommand(name))(args, context);
    await leaveOutcome({ results }, context);
    return 0;
  } catch (error) {
    const failure = describeFailure(error);
    context.say(`Failed (${failure.reason}): ${failure.message}`);
    await leaveOutcome({ results: [], failure: { ...failure, message: printer.mask(failure.message) } }, context);
    return error instanceof UsageError ? 2 : 1;
  }
}

async function loadCommand(name: string): Promise<Command> {
  const load = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (load !== undefined) return await load();
  const known = Object.keys(commands).join(", ");
  throw new UsageError(`there is no command ${JSON.stringify(name)}; there are ${known}`);
}

function describeFailure(error: unknown): { reason: string; message: string } {
  if (error instanceof StepFailure) return { reason: error.reason, message: error.message };
  if (error instanceof UsageError) return { reason: "InvalidArguments", message: error.message };
  if (["ENOSPC", "EDQUOT"].includes(errorCode(error) ?? "")) {
    return { reason: "DiskFull", message: `${errorText(error)}; give the Pod more ephemeral storage, or use less` };
  }
  return { reason: "StepError", message: errorText(error) };
}

/** A step that did its work has done it, even where its last words cannot be written. */
async function leaveOutcome(outcome: StepOutcome, context: CommandContext): Promise<void> {
  try {
    await writeFile(context.config.terminationLogPath, encodeStepOutcome(outcome));
  } catch (error) {
    context.say(`The outcome could not be written: ${errorText(error)}`);
  }
}
