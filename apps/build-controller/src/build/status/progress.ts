import { findStepResult, parseStepOutcome, stepResultNames, type StepStatus } from "@kelvin/api/build/v1alpha1";
import type { ContainerStatus } from "../resources/pod-types.ts";

/** How one container stands. Every phase has a reason. */
export type Progress = Pick<
  StepStatus,
  "container" | "phase" | "startedAt" | "finishedAt" | "exitCode" | "reason" | "message"
>;

/** How the container of this name stands. `isOver` says that the Pod will start nothing more. */
export function progressOf(container: string, status: ContainerStatus | undefined, isOver: boolean): Progress {
  const { running, terminated, waiting } = status?.state ?? {};
  if (terminated !== undefined) return { container, ...terminatedProgress(terminated) };
  if (running !== undefined) {
    return { container, phase: "Running", ...timeField("startedAt", running.startedAt), reason: "Running" };
  }
  if (isOver) return { container, phase: "NotRun", reason: "NotRun" };
  return {
    container,
    phase: "Waiting",
    reason: waiting?.reason || "PodInitializing",
    ...(waiting?.message ? { message: waiting.message } : {}),
  };
}

type Terminated = NonNullable<NonNullable<ContainerStatus["state"]>["terminated"]>;

function terminatedProgress(terminated: Terminated): Omit<Progress, "container"> {
  const { exitCode, startedAt, finishedAt, message: text } = terminated;
  const failure = parseStepOutcome(text)?.failure;
  const isDone = exitCode === 0;
  const message = failure?.message ?? (parseStepOutcome(text) === undefined ? text : undefined);
  return {
    phase: isDone ? "Succeeded" : "Failed",
    ...timeField("startedAt", startedAt),
    ...timeField("finishedAt", finishedAt),
    exitCode,
    reason: failure?.reason ?? (terminated.reason || (isDone ? "Completed" : "Error")),
    ...(message === undefined || message === "" ? {} : { message: message.slice(0, messageLengthMax) }),
  };
}

const messageLengthMax = 4096;

function timeField(name: "startedAt" | "finishedAt", time: string | undefined): Partial<Progress> {
  return time === undefined ? {} : { [name]: time };
}

/** What the container that restored a step's cache says came of it. */
export function cacheProgress(restore: ContainerStatus | undefined): Pick<StepStatus, "cache" | "cacheReason"> {
  const outcome = parseStepOutcome(restore?.state?.terminated?.message);
  const cache = findStepResult(outcome, stepResultNames.cache);
  const cacheReason = findStepResult(outcome, stepResultNames.cacheReason);
  return { ...(cache === undefined ? {} : { cache }), ...(cacheReason === undefined ? {} : { cacheReason }) };
}
