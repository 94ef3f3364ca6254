import type { Job, Pod } from "@kelvin/kube";
import { findCondition } from "../conditions.ts";
import type { Tally } from "./tally.ts";

/** How a Job will end, decided before its last pods have gone. */
export interface Verdict {
  readonly type: "FailureTarget" | "SuccessCriteriaMet";
  readonly reason: string;
  readonly message: string;
}

/** The end that was noted, or that is due now; undefined while the Job goes on. `isSettled`: no write of ours is unseen. */
export function decideVerdict(
  job: Job,
  tally: Tally,
  { now, isSettled }: { now: Date; isSettled: boolean },
): Verdict | undefined {
  return notedVerdict(job) ?? decideFailure(job, tally, now) ?? (isSettled ? decideSuccess(job, tally) : undefined);
}

function notedVerdict({ status }: Job): Verdict | undefined {
  for (const type of ["FailureTarget", "SuccessCriteriaMet"] as const) {
    const found = findCondition(status?.conditions, type);
    if (found?.status === "True") return { type, reason: found.reason ?? "", message: found.message ?? "" };
  }
  return undefined;
}

function decideFailure(job: Job, tally: Tally, now: Date): Verdict | undefined {
  const type = "FailureTarget";
  if (tally.policyMessage !== undefined) return { type, reason: "PodFailurePolicy", message: tally.policyMessage };
  if (tally.failed > (job.spec?.backoffLimit ?? 6) || hasRestartedTooOften(job, tally.active)) {
    return { type, reason: "BackoffLimitExceeded", message: "Job has reached the specified backoff limit" };
  }
  const deadlineMs = deadlineInMs(job, now);
  if (deadlineMs === undefined || deadlineMs > 0) return undefined;
  return { type, reason: "DeadlineExceeded", message: "Job was active longer than specified deadline" };
}

/** Pods that restart by themselves are not replaced: their restarts count instead. */
function hasRestartedTooOften({ spec }: Job, active: readonly Pod[]): boolean {
  if (spec?.template.spec?.restartPolicy !== "OnFailure") return false;
  const statuses = active.flatMap(({ status }) => [
    ...(status?.initContainerStatuses ?? []),
    ...(status?.containerStatuses ?? []),
  ]);
  const restarts = statuses.reduce((sum, { restartCount }) => sum + restartCount, 0);
  const limit = spec.backoffLimit ?? 6;
  return limit === 0 ? restarts > 0 : restarts >= limit;
}

/** How long the Job may still run, negative when it ran too long; undefined while no deadline runs. */
export function deadlineInMs({ spec, status }: Job, now: Date): number | undefined {
  if (spec?.activeDeadlineSeconds === undefined || spec.suspend === true) return undefined;
  if (status?.startTime === undefined) return undefined;
  return Date.parse(status.startTime) + spec.activeDeadlineSeconds * 1000 - now.getTime();
}

function decideSuccess({ spec }: Job, { active, succeeded }: Tally): Verdict | undefined {
  if (active.length > 0) return undefined;
  const isReached = spec?.completions === undefined ? succeeded > 0 : succeeded >= spec.completions;
  const message = "Reached expected number of succeeded pods";
  return isReached ? { type: "SuccessCriteriaMet", reason: "CompletionsReached", message } : undefined;
}
