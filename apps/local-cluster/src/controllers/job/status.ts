import { isSemanticallyEqual, type Job } from "@kelvin/kube";
import { findCondition, type StatusCondition, timestamp, withCondition } from "../conditions.ts";
import { withoutZeros } from "../without-zeros.ts";
import { formatIndexes } from "./completed-indexes.ts";
import { isIndexed } from "./job-pod.ts";
import type { Tally } from "./tally.ts";
import type { Verdict } from "./verdict.ts";

export type JobStatus = NonNullable<Job["status"]>;

export interface JobNews {
  readonly verdict: Verdict | undefined;
  /** Whether no pod is left that runs, ends or has to be counted. */
  readonly isDrained: boolean;
  /** Active pods after what this pass created and removed. */
  readonly activeCount: number;
  readonly now: Date;
}

/** What the Job reports. The end is told in two steps: decided (SuccessCriteriaMet, FailureTarget), then over and counted. */
export function makeJobStatus(job: Job, tally: Tally, news: JobNews): JobStatus {
  const conditions = makeConditions(job, news);
  const completeSince = conditions.find(isTrue("Complete"))?.lastTransitionTime;
  const startTime = startTimeOf(job, conditions, news.now);
  const { completedIndexes: _, startTime: __, active: ___, succeeded: ____, failed: _____, ...kept } = job.status ?? {};
  const completedIndexes = isIndexed(job) ? formatIndexes(tally.completed) : "";
  const { succeeded, failed } = tally.uncounted;
  // Zero counts are left out, as Go's clients do, but for the two that they can tell from absent.
  return {
    ...kept,
    ...(conditions.length > 0 && { conditions: conditions.map(withProbeTime) }),
    ...(startTime !== undefined && { startTime }),
    ...(completeSince !== undefined && { completionTime: completeSince }),
    ...withoutZeros({ active: news.activeCount, ...tally.counted }),
    ready: Math.min(tally.readyCount, news.activeCount),
    terminating: tally.terminatingCount,
    ...(completedIndexes !== "" && { completedIndexes }),
    uncountedTerminatedPods: {
      ...(succeeded.length > 0 && { succeeded: [...succeeded] }),
      ...(failed.length > 0 && { failed: [...failed] }),
    },
  };
}

function makeConditions(job: Job, { verdict, isDrained, now }: JobNews): readonly StatusCondition[] {
  const conditions: readonly StatusCondition[] = job.status?.conditions ?? [];
  const lastTransitionTime = timestamp(now);
  if (verdict === undefined) return withSuspension(job, conditions, lastTransitionTime);
  const { type, reason, message } = verdict;
  const decided = withCondition(conditions, { type, status: "True", reason, message, lastTransitionTime });
  if (!isDrained) return decided;
  const final = type === "SuccessCriteriaMet" ? "Complete" : "Failed";
  return withCondition(decided, { type: final, status: "True", reason, message, lastTransitionTime });
}

function withSuspension(
  job: Job,
  conditions: readonly StatusCondition[],
  lastTransitionTime: string,
): readonly StatusCondition[] {
  const type = "Suspended";
  const current = findCondition(conditions, type);
  if (job.spec?.suspend === true) {
    const reason = { reason: "JobSuspended", message: "Job suspended" };
    return withCondition(conditions, { type, status: "True", ...reason, lastTransitionTime });
  }
  if (current === undefined) return conditions;
  const reason = { reason: "JobResumed", message: "Job resumed" };
  return withCondition(conditions, { type, status: "False", ...reason, lastTransitionTime });
}

/** The deadline counts from the first start, and anew from each resumption. */
function startTimeOf(job: Job, conditions: readonly StatusCondition[], now: Date): string | undefined {
  const before = job.status?.startTime;
  if (job.spec?.suspend === true) return before;
  const wasSuspended = (job.status?.conditions ?? []).some(isTrue("Suspended"));
  const isResumed = wasSuspended && !conditions.some(isTrue("Suspended"));
  return before === undefined || isResumed ? timestamp(now) : before;
}

function withProbeTime(condition: StatusCondition): NonNullable<JobStatus["conditions"]>[number] {
  return { lastProbeTime: condition.lastTransitionTime ?? "", ...condition };
}

function isTrue(type: string): (condition: StatusCondition) => boolean {
  return (condition) => condition.type === type && condition.status === "True";
}

/** The condition by which the Job is over, if it is. */
export function finalCondition({ status }: Job): StatusCondition | undefined {
  return status?.conditions?.find((condition) => isTrue("Complete")(condition) || isTrue("Failed")(condition));
}

export interface JobEvent {
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
}

/** What became true between two statuses and is told in events. */
export function decideEvents(before: JobStatus | undefined, after: JobStatus): JobEvent[] {
  const isNews = ({ type, status, reason }: StatusCondition): boolean => {
    const known = findCondition(before?.conditions, type);
    return !isSemanticallyEqual([known?.status, known?.reason], [status, reason]);
  };
  return (after.conditions ?? []).filter(isNews).flatMap(eventOf);
}

function eventOf({ type, status, reason = "", message = "" }: StatusCondition): JobEvent[] {
  switch (type) {
    case "Suspended":
      return [{ type: "Normal", reason: status === "True" ? "Suspended" : "Resumed", message }];
    case "Complete":
      return [{ type: "Normal", reason: "Completed", message: "Job completed" }];
    case "Failed":
      return [{ type: "Warning", reason, message }];
    default:
      return [];
  }
}
