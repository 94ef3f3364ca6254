import { buildReasons, containerPrefix, parseStepOutcome } from "@kelvin/api/build/v1alpha1";
import type { Pod } from "@kelvin/kube";
import type { ContainerStatus } from "../resources/pod-types.ts";
import { containerStatuses } from "./container-statuses.ts";
import { findLoss } from "./loss.ts";

/** What a Pod says of its Build: the condition Succeeded. */
export interface Verdict {
  readonly status: "True" | "False" | "Unknown";
  readonly reason: string;
  readonly message: string;
}

/** Decides what the Pod says. Messages are v0.7's wherever it had one. */
export function decideVerdict(pod: Pod): Verdict {
  const stuck = findStuck(pod);
  switch (pod.status?.phase) {
    case "Succeeded":
      return { status: "True", reason: buildReasons.succeeded, message: "" };
    case "Failed":
      return { status: "False", ...describeFailure(pod) };
    case "Running":
      return stuck ?? { status: "Unknown", reason: buildReasons.building, message: "" };
    default:
      return stuck ?? describePending(pod);
  }
}

function describePending(pod: Pod): Verdict {
  const statuses = containerStatuses(pod);
  const running = statuses.find(({ state }) => state?.running !== undefined);
  if (running !== undefined) {
    return { status: "Unknown", reason: buildReasons.building, message: `build step "${running.name}" is running` };
  }
  return { status: "Unknown", reason: buildReasons.pending, message: pendingMessage(pod, statuses) };
}

function pendingMessage(pod: Pod, statuses: readonly ContainerStatus[]): string {
  const waiting = statuses.find(({ state }) => (state?.waiting?.message ?? "") !== "");
  if (waiting !== undefined) {
    return `build step "${waiting.name}" is pending with reason "${waiting.state?.waiting?.message ?? ""}"`;
  }
  const untrue = pod.status?.conditions?.find(({ status }) => status !== "True");
  if (untrue !== undefined) {
    return `pod status "${untrue.type}":"${untrue.status}"; message: "${untrue.message ?? ""}"`;
  }
  return pod.status?.message || "Pending";
}

/** Reasons to wait that waiting does not mend; v0.7 waited with them until the timeout. */
const hopelessReasons: Readonly<Record<string, string>> = {
  ImagePullBackOff: buildReasons.imagePullFailed,
  InvalidImageName: buildReasons.imagePullFailed,
  ErrImageNeverPull: buildReasons.imagePullFailed,
  ErrImageUntrusted: buildReasons.imagePullFailed,
  CreateContainerConfigError: buildReasons.stepConfigError,
  CreateContainerError: buildReasons.stepConfigError,
  RunContainerError: buildReasons.stepConfigError,
};

function findStuck(pod: Pod): Verdict | undefined {
  for (const { name, state, image } of containerStatuses(pod)) {
    const reason = hopelessReasons[state?.waiting?.reason ?? ""];
    if (reason === undefined) continue;
    const { message = "", reason: waitingReason = "" } = state?.waiting ?? {};
    const what =
      reason === buildReasons.imagePullFailed ? `cannot pull its image "${image}"` : "cannot be started as it is";
    return { status: "False", reason, message: `build step "${name}" ${what}: ${message || waitingReason}` };
  }
  return undefined;
}

function describeFailure(pod: Pod): { reason: string; message: string } {
  const loss = findLoss(pod);
  if (loss !== undefined) return loss;
  const failed = containerStatuses(pod).find(({ state }) => (state?.terminated?.exitCode ?? 0) !== 0);
  if (failed !== undefined) return describeContainerFailure(pod, failed);
  return { reason: buildReasons.podFailed, message: pod.status?.message || "build failed for unspecified reasons." };
}

function describeContainerFailure(pod: Pod, { name, state, imageID }: ContainerStatus) {
  const { namespace = "", name: podName = "" } = pod.metadata;
  const { exitCode = 0, reason = "", message: terminationMessage } = state?.terminated ?? {};
  const logs = `for logs run: kubectl -n ${namespace} logs ${podName} -c ${name}`;
  const outcome = parseStepOutcome(terminationMessage);
  if (outcome?.failure !== undefined) {
    const { reason: why, message } = outcome.failure;
    return { reason: why, message: `build step "${name}" failed: ${message}; ${logs}` };
  }
  const text =
    `build step "${name}" exited with code ${exitCode} (image: "${imageID}"); ${logs}` +
    (outcome === undefined ? wordsOf(terminationMessage) : "");
  if (reason === "OOMKilled") {
    return {
      reason: buildReasons.stepOutOfMemory,
      message: `${text}. It was killed for using more memory than its limit: raise resources.limits.memory of the step`,
    };
  }
  return { reason: buildReasons.stepFailed, message: text };
}

/** What a step wrote of its own accord says more than its exit code. */
function wordsOf(terminationMessage = ""): string {
  const words = terminationMessage.trim();
  return words === "" ? "" : `. It said: ${words}`;
}

/** Whether a container that is not Kelvin's own has begun: from then on a repeat would do something twice. */
export function haveStepsStarted(pod: Pod, ownContainers: ReadonlySet<string>): boolean {
  return containerStatuses(pod).some(
    ({ name, state, lastState }) =>
      name.startsWith(containerPrefix) &&
      !ownContainers.has(name) &&
      (state?.running !== undefined || state?.terminated !== undefined || lastState?.terminated !== undefined),
  );
}

/** Whether the Pod has come to its end. */
export function isPodFinished(pod: Pod): boolean {
  return pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
}
