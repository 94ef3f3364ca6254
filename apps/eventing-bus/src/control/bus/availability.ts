import type { Deployment, Pod } from "@kelvin/kube";

/** Whether a Pod of it is available: v0.1 was content with a Deployment that was written. One of an earlier spec serves, too. */
export function isAvailable({ status }: Deployment): boolean {
  return (status?.availableReplicas ?? 0) > 0;
}

/** Why no Pod of a Deployment is available, as far as its Pods and the Deployment itself tell. */
export interface Unavailability {
  readonly message: string;
  /** Nothing stands against it: it has only begun, as far as anybody knows. */
  readonly isStarting: boolean;
}

/** Finds it. Pure. */
export function findUnavailability(deployment: Deployment, pods: readonly Pod[]): Unavailability {
  const { name = "" } = deployment.metadata;
  if (deployment.spec?.replicas === 0) return { message: `Deployment "${name}" is scaled to zero`, isStarting: false };
  const staying = pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const cause = staying.map(causeOf).find((text) => text !== "") ?? failureOf(deployment);
  const isStarting = cause === "";
  return { message: `No Pod of Deployment "${name}" is available${isStarting ? " yet" : `: ${cause}`}`, isStarting };
}

/** Why there are no Pods at all: a quota, or a Pod that nobody may make. */
function failureOf({ status }: Deployment): string {
  const failure = status?.conditions?.find(({ type, status: value }) => type === "ReplicaFailure" && value === "True");
  return failure === undefined ? "" : wordsOf(failure);
}

function causeOf({ status = {} }: Pod): string {
  const unscheduled = status.conditions?.find(
    ({ type, status: value }) => type === "PodScheduled" && value === "False",
  );
  if (unscheduled !== undefined) return wordsOf(unscheduled);
  const containers = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
  const cause = containers.map(causeOfContainer).find((words) => words !== "");
  return cause ?? (status.phase === "Failed" ? wordsOf(status) : "");
}

type ContainerStatus = NonNullable<NonNullable<Pod["status"]>["containerStatuses"]>[number];

const starting: ReadonlySet<string> = new Set(["ContainerCreating", "PodInitializing"]);

function causeOfContainer({ state, lastState }: ContainerStatus): string {
  const { waiting = {} } = state ?? {};
  const ended = state?.terminated ?? lastState?.terminated;
  const words = starting.has(waiting.reason ?? "") ? "" : wordsOf(waiting);
  const exit = ended === undefined || ended.exitCode === 0 ? "" : exitWords(ended);
  return [words, exit].filter((part) => part !== "").join("; ");
}

function exitWords({ exitCode, message = "" }: { readonly exitCode: number; readonly message?: string }): string {
  return `its container ended with ${exitCode}${message === "" ? "" : `: ${message}`}`;
}

function wordsOf({ reason = "", message = "" }: { readonly reason?: string; readonly message?: string }): string {
  return [reason, message].filter((words) => words !== "").join(": ");
}
