import { countFlag } from "../flags.ts";
import { StepFailure } from "../step-failure.ts";

/** How much a source may bring into the workspace. */
export interface Limits {
  readonly bytesMax: number;
  readonly filesMax: number;
}

/** For whoever meets one: in a Build they come from the cluster's settings. */
export const howToRaiseLimits =
  "have source-bytes-max and source-files-max raised in the ConfigMap config-build (--max-bytes, --max-files)";

const defaults: Limits = { bytesMax: 4 * 1024 ** 3, filesMax: 500_000 };

/** The limits that `--max-bytes` and `--max-files` give, else 4 GiB and 500 000 files. @throws UsageError. */
export function parseLimits(flags: Readonly<Record<string, unknown>>): Limits {
  return {
    bytesMax: countFlag(flags, "max-bytes", defaults.bytesMax),
    filesMax: countFlag(flags, "max-files", defaults.filesMax),
  };
}

/** Counts what one source brings, over all its parts, and stops it at the limits. */
export interface Budget {
  readonly limits: Limits;
  bytes: number;
  files: number;
}

/** A budget of which nothing is used yet. */
export function openBudget(limits: Limits): Budget {
  return { limits, bytes: 0, files: 0 };
}

/** Takes from the budget. @throws StepFailure when a limit is passed, naming it and how to raise it. */
export function spend(budget: Budget, bytes: number, files: number): void {
  budget.bytes += bytes;
  budget.files += files;
  if (budget.bytes > budget.limits.bytesMax) throw tooLarge(budget.limits);
  if (budget.files > budget.limits.filesMax) {
    throw new StepFailure(
      "SourceTooLarge",
      `the source has more than ${budget.limits.filesMax} files; fetch less of it, or ${howToRaiseLimits}`,
    );
  }
}

/** The failure of a source that has more bytes than allowed. */
export function tooLarge({ bytesMax }: Limits): StepFailure {
  return new StepFailure(
    "SourceTooLarge",
    `the source has more than ${formatBytes(bytesMax)}; fetch less of it, or ${howToRaiseLimits}`,
  );
}

/** Bytes for people: `3.4 MB`. */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = bytes < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** power;
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[power]}`;
}
