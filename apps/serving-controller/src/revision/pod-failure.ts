import type { Pod } from "@kelvin/kube";

/** Why the pods of a Revision do not run. */
export type PodFailure =
  | { readonly problem: "unschedulable"; readonly reason: string; readonly message: string }
  | { readonly problem: "exited"; readonly exitCode: number; readonly message: string }
  | { readonly problem: "waiting"; readonly reason: string; readonly message: string };

type ContainerStatus = NonNullable<NonNullable<Pod["status"]>["containerStatuses"]>[number];

// Reasons that no patience mends soon: reported at once, not after the progress deadline.
const imageReasons: ReadonlySet<string> = new Set([
  "ErrImagePull",
  "ImagePullBackOff",
  "InvalidImageName",
  "ErrImageNeverPull",
  "ErrImageInspect",
  "CreateContainerConfigError",
  "CreateContainerError",
  "RunContainerError",
]);

export interface PodFailureQuestion {
  /** Whether the Deployment has given up: then any reason to wait is one to report. */
  readonly hasTimedOut: boolean;
  /** Whether nodes appear as pods need them: then a pod that fits nowhere only has to wait. */
  readonly isAlwaysSchedulable: boolean;
}

/** What keeps these pods from running, or undefined when nothing is known to. Pods that are going away say nothing. Pure. */
export function findPodFailure(pods: readonly Pod[], question: PodFailureQuestion): PodFailure | undefined {
  for (const pod of pods) {
    if (pod.metadata.deletionTimestamp !== undefined) continue;
    const unscheduled = question.isAlwaysSchedulable ? undefined : findSchedulingFailure(pod);
    const failure = unscheduled ?? findContainerFailure(pod, question);
    if (failure !== undefined) return failure;
  }
  return undefined;
}

function findSchedulingFailure(pod: Pod): PodFailure | undefined {
  const scheduled = pod.status?.conditions?.find(({ type }) => type === "PodScheduled");
  if (scheduled?.status !== "False") return undefined;
  return { problem: "unschedulable", reason: scheduled.reason ?? "", message: scheduled.message ?? "" };
}

function findContainerFailure(pod: Pod, question: PodFailureQuestion): PodFailure | undefined {
  const statuses = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
  for (const status of statuses) {
    const failure = findExit(status, pod) ?? findWait(status, question);
    if (failure !== undefined) return failure;
  }
  return undefined;
}

function findExit(status: ContainerStatus, pod: Pod): PodFailure | undefined {
  const isInit = (pod.status?.initContainerStatuses ?? []).includes(status);
  const ended = status.state?.terminated ?? status.lastState?.terminated;
  if (ended === undefined || (isInit && ended.exitCode === 0)) return undefined;
  return { problem: "exited", exitCode: ended.exitCode, message: ended.message ?? "" };
}

function findWait(status: ContainerStatus, { hasTimedOut }: PodFailureQuestion): PodFailure | undefined {
  const { reason = "", message = "" } = status.state?.waiting ?? {};
  const isReported = imageReasons.has(reason) || (hasTimedOut && reason !== "");
  return isReported ? { problem: "waiting", reason, message } : undefined;
}
