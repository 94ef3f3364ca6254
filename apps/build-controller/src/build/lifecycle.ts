import { formatDuration, getCondition, kubeTime } from "@kelvin/api";
import {
  buildReasons,
  buildSpecStatusCancelled,
  succeededCondition,
  timeoutMsOf,
  type Build,
  type BuildAttempt,
  type BuildStatus,
} from "@kelvin/api/build/v1alpha1";
import { deepCopy } from "@kelvin/kube";
import { setSucceeded } from "./status/succeeded.ts";
import { keptStatus } from "./status/status-of.ts";
import type { Loss } from "./status/loss.ts";

/** Why a Build ends though its Pod has not. */
export interface Ending {
  readonly reason: string;
  readonly message: string;
}

/** Whether the Build has come to its end. That is final. */
export function isBuildFinished({ status }: Build): boolean {
  const condition = getCondition(status, succeededCondition);
  return condition !== undefined && condition.status !== "Unknown";
}

/** Whether its user has asked for its end. */
export function isCancelled({ spec }: Build): boolean {
  return spec.Status === buildSpecStatusCancelled || spec.status === buildSpecStatusCancelled;
}

/** When it must have ended, in milliseconds since 1970; undefined before it starts. */
export function deadlineMsOf({ status, spec }: Build): number | undefined {
  return status?.startTime === undefined ? undefined : Date.parse(status.startTime) + timeoutMsOf(spec);
}

/** The end of a Build that its user cancelled. */
export function cancelledEnding({ metadata: { name = "" } }: Build): Ending {
  return { reason: buildReasons.cancelled, message: `Build "${name}" was cancelled` };
}

/** The end of a Build that took too long. */
export function timeoutEnding({ metadata: { name = "" }, spec }: Build): Ending {
  const timeout = formatDuration(timeoutMsOf(spec));
  return { reason: buildReasons.timeout, message: `Build "${name}" failed to finish within "${timeout}"` };
}

/** The end of a Build that a newer one has taken the place of. */
export function supersededEnding({ metadata: { name = "" } }: Build, newer: string): Ending {
  return { reason: buildReasons.superseded, message: `Build "${name}" was superseded by "${newer}"` };
}

/** The attempt under way, if there is one. */
export function currentAttempt({ status }: Build): BuildAttempt | undefined {
  return status?.attempts?.at(-1);
}

/** The status with a new attempt in it: written before its Pod is made, so that there is never a second. */
export function withAttempt(build: Build, podName: string, now: Date): BuildStatus {
  const status = keptStatus(build);
  const at = kubeTime(now);
  return {
    ...status,
    startTime: status.startTime ?? at,
    cluster: { namespace: build.metadata.namespace ?? "", podName },
    attempts: [...(status.attempts ?? []), { podName, startedAt: at }].slice(-attemptsMax),
  };
}

/** More than any Build is allowed to have. */
const attemptsMax = 32;

/** The status of a Build that waits for its turn. */
export function withQueued(build: Build, waitsFor: string, now: Date): BuildStatus {
  const status = keptStatus(build);
  const message = `waits for build "${waitsFor}" of group "${build.spec.concurrency?.group ?? ""}"`;
  setSucceeded(status, { status: "Unknown", reason: buildReasons.queued, message }, now);
  return status;
}

/** The status of a Build whose Pod was lost and will be replaced. `seen` is its status as that Pod was last seen. */
export function withLostAttempt(
  build: Build,
  { seen, ...lost }: Loss & { readonly stepsStarted: boolean; readonly seen: BuildStatus },
  now: Date,
): BuildStatus {
  const { completionTime: _, conditions: __, ...known } = deepCopy(seen);
  const status: BuildStatus = { ...known, conditions: deepCopy(build.status?.conditions ?? []) };
  const last = status.attempts?.pop();
  // The first cause counts: what comes after it follows from our own deletion of the Pod.
  const { reason = lost.reason, message = lost.message } = last ?? {};
  if (last !== undefined) status.attempts?.push({ ...last, reason, message, stepsStarted: lost.stepsStarted });
  setSucceeded(
    status,
    { status: "Unknown", reason: buildReasons.retrying, message: `${message}; it starts over` },
    now,
  );
  return status;
}

/** The last status of a Build that ends before its Pod does, or without one. */
export function withEnding(build: Build, { reason, message }: Ending, now: Date): BuildStatus {
  const before = deepCopy(build.status ?? {});
  const close = <T extends { phase?: string }>(progress: T): T => {
    if (progress.phase === "Running")
      return { ...progress, phase: "Failed", finishedAt: kubeTime(now), reason, message };
    return progress.phase === "Waiting" ? { ...progress, phase: "NotRun", reason: "NotRun" } : progress;
  };
  const status: BuildStatus = {
    ...before,
    ...keptStatus(build),
    cluster: before.cluster ?? { podName: "" },
    ...(before.steps === undefined ? {} : { steps: before.steps.map(close) }),
    ...(before.sources === undefined ? {} : { sources: before.sources.map(close) }),
    completionTime: kubeTime(now),
  };
  setSucceeded(status, { status: "False", reason, message }, now);
  return status;
}

/** How often a Build starts over by itself while none of its steps had begun. */
const freeRestartsMax = 5;

/** Whether a Build may start over after its Pod was lost. */
export function mayStartOver({ spec, status }: Build, stepsStarted: boolean): boolean {
  const before = (status?.attempts ?? []).slice(0, -1);
  if (!stepsStarted) return before.filter((attempt) => attempt.stepsStarted !== true).length < freeRestartsMax;
  return before.filter((attempt) => attempt.stepsStarted === true).length < (spec.retries ?? 0);
}
