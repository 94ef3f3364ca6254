import type { Config } from "./config.ts";
import type { StepResult } from "@kelvin/api/build/v1alpha1/step-outcome";

/** What every command is given beside its arguments. */
export interface CommandContext {
  readonly config: Config;
  /** Prints one line for the person who reads the step's log. Secrets that were announced are masked. */
  readonly say: (line: string) => void;
  /** Announces a value that must appear in no output. */
  readonly hide: (secret: string) => void;
  /** Aborted when the Pod is being ended: stop at once and leave nothing running. */
  readonly signal: AbortSignal;
}

/**
 * One sub-command. Resolves with what it found out.
 *
 * @throws UsageError when called wrongly, StepFailure when it cannot do what it was asked.
 */
export type Command = (args: readonly string[], context: CommandContext) => Promise<readonly StepResult[]>;
