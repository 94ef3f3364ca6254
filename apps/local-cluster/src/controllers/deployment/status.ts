import type { Deployment } from "@kelvin/kube";
import {
  findCondition,
  replaceCondition,
  type StatusCondition,
  timestamp,
  withCondition,
  withoutCondition,
} from "../conditions.ts";
import { withoutZeros } from "../without-zeros.ts";
import { fencepostsOf, replicasOf } from "./fenceposts.ts";
import { type Generations, sum } from "./rollout.ts";

export type DeploymentStatus = NonNullable<Deployment["status"]>;
type Counts = Pick<
  DeploymentStatus,
  "replicas" | "updatedReplicas" | "readyReplicas" | "availableReplicas" | "unavailableReplicas"
>;
type Conditions = readonly StatusCondition[];

/** What this pass did beyond scaling, for the conditions that tell of it. */
export interface RolloutNews {
  readonly createdReplicaSet?: string;
  readonly createError?: string;
}

/** `spec.progressDeadlineSeconds` when nobody set it. */
const progressDeadlineSecondsDefault = 600;
/** Set by those who want no deadline. */
const noDeadline = 2 ** 31 - 1;
const reasons = {
  available: "MinimumReplicasAvailable",
  unavailable: "MinimumReplicasUnavailable",
  created: "NewReplicaSetCreated",
  found: "FoundNewReplicaSet",
  createError: "ReplicaSetCreateError",
  updated: "ReplicaSetUpdated",
  complete: "NewReplicaSetAvailable",
  timedOut: "ProgressDeadlineExceeded",
  paused: "DeploymentPaused",
  resumed: "DeploymentResumed",
} as const;

/** What the Deployment reports of its ReplicaSets. A pure function of both, the last status and the time. */
export function makeDeploymentStatus(
  deployment: Deployment,
  generations: Generations,
  { news, now }: { news: RolloutNews; now: Date },
): DeploymentStatus {
  const counts = countReplicas(generations);
  const status: DeploymentStatus = {
    ...withoutCounts(deployment.status),
    ...withoutZeros(counts),
    observedGeneration: deployment.metadata.generation ?? 0,
  };
  let conditions: Conditions = deployment.status?.conditions ?? [];
  conditions = withAvailability(deployment, conditions, { counts, now });
  conditions = withProgress(deployment, conditions, { counts, generations, news, now });
  conditions = withReplicaFailure(conditions, generations);
  return { ...status, conditions: [...conditions] };
}

/** Whether all pods are of the present template, and available. */
export function isComplete(deployment: Deployment, counts: Counts): boolean {
  const wanted = replicasOf(deployment);
  const { updatedReplicas, replicas, availableReplicas } = countsOf(counts);
  return updatedReplicas === wanted && replicas === wanted && availableReplicas === wanted;
}

function withoutCounts(status: DeploymentStatus = {}): DeploymentStatus {
  const { collisionCount, conditions } = status;
  return { ...(collisionCount !== undefined && { collisionCount }), ...(conditions !== undefined && { conditions }) };
}

export function countReplicas({ current, old }: Generations): Required<Counts> {
  const all = current === undefined ? old : [...old, current];
  const replicas = sum(all, ({ status }) => status?.replicas ?? 0);
  const availableReplicas = sum(all, ({ status }) => status?.availableReplicas ?? 0);
  return {
    replicas,
    updatedReplicas: current?.status?.replicas ?? 0,
    readyReplicas: sum(all, ({ status }) => status?.readyReplicas ?? 0),
    availableReplicas,
    unavailableReplicas: Math.max(0, replicas - availableReplicas),
  };
}

function withAvailability(
  deployment: Deployment,
  conditions: Conditions,
  { counts, now }: { counts: Required<Counts>; now: Date },
): Conditions {
  const minAvailable = replicasOf(deployment) - fencepostsOf(deployment).maxUnavailable;
  const isAvailable = counts.availableReplicas >= minAvailable;
  return withCondition(conditions, {
    type: "Available",
    status: isAvailable ? "True" : "False",
    reason: isAvailable ? reasons.available : reasons.unavailable,
    message: `Deployment ${isAvailable ? "has" : "does not have"} minimum availability.`,
    ...times(now),
  });
}

interface ProgressInputs {
  readonly counts: Required<Counts>;
  readonly generations: Generations;
  readonly news: RolloutNews;
  readonly now: Date;
}

function withProgress(deployment: Deployment, conditions: Conditions, inputs: ProgressInputs): Conditions {
  if (deadlineSecondsOf(deployment) === undefined) return withoutCondition(conditions, "Progressing");
  const noted = withNews(deployment, conditions, inputs);
  const current = findCondition(noted, "Progressing");
  const isSettled = inputs.counts.replicas === inputs.counts.updatedReplicas && current?.reason === reasons.complete;
  return deployment.spec?.paused === true || isSettled ? noted : withVerdict(deployment, noted, inputs);
}

/** Judges a rollout that is under way: complete, progressing, timed out, or none of these yet. */
function withVerdict(deployment: Deployment, conditions: Conditions, inputs: ProgressInputs): Conditions {
  const { now, counts } = inputs;
  const subject = subjectOf(deployment, inputs.generations);
  if (isComplete(deployment, counts)) {
    const message = `${subject} has successfully progressed.`;
    return withCondition(conditions, progressing("True", reasons.complete, { message, now }));
  }
  if (hasProgressed(countsOf(deployment.status), counts)) {
    // The same reason again still moves lastUpdateTime: the deadline counts from the last progress.
    const message = `${subject} is progressing.`;
    return replaceCondition(conditions, progressing("True", reasons.updated, { message, now }));
  }
  if (isTimedOut(deployment, findCondition(conditions, "Progressing"), now)) {
    const message = `${subject} has timed out progressing.`;
    return withCondition(conditions, progressing("False", reasons.timedOut, { message, now }));
  }
  return conditions;
}

function subjectOf(deployment: Deployment, { current }: Generations): string {
  return current === undefined
    ? `Deployment "${deployment.metadata.name ?? ""}"`
    : `ReplicaSet "${current.metadata.name ?? ""}"`;
}

/** Notes pauses, and the ReplicaSet that was just created, could not be created, or was found. */
function withNews(
  deployment: Deployment,
  conditions: Conditions,
  { news, generations, now }: ProgressInputs,
): Conditions {
  const current = findCondition(conditions, "Progressing");
  if (news.createError !== undefined) {
    return withCondition(conditions, progressing("False", reasons.createError, { message: news.createError, now }));
  }
  if (news.createdReplicaSet !== undefined) {
    const message = `Created new replica set "${news.createdReplicaSet}"`;
    return withCondition(conditions, progressing("True", reasons.created, { message, now }));
  }
  if (current?.reason === reasons.timedOut) return conditions;
  if (deployment.spec?.paused === true) {
    return withCondition(conditions, progressing("Unknown", reasons.paused, { message: "Deployment is paused", now }));
  }
  if (current?.reason === reasons.paused) {
    return withCondition(
      conditions,
      progressing("Unknown", reasons.resumed, { message: "Deployment is resumed", now }),
    );
  }
  if (current === undefined && generations.current !== undefined) {
    const message = `Found new replica set "${generations.current.metadata.name ?? ""}"`;
    return withCondition(conditions, progressing("True", reasons.found, { message, now }));
  }
  return conditions;
}

function progressing(
  status: string,
  reason: string,
  { message, now }: { message: string; now: Date },
): StatusCondition {
  return { type: "Progressing", status, reason, message, ...times(now) };
}

/** Absent counts are zero. */
function countsOf(status: Deployment["status"]): Required<Counts> {
  const zero = { replicas: 0, updatedReplicas: 0, readyReplicas: 0, availableReplicas: 0, unavailableReplicas: 0 };
  return { ...zero, ...status };
}

function hasProgressed(before: Required<Counts>, after: Required<Counts>): boolean {
  return (
    after.updatedReplicas > before.updatedReplicas ||
    after.replicas - after.updatedReplicas < before.replicas - before.updatedReplicas ||
    after.readyReplicas > before.readyReplicas ||
    after.availableReplicas > before.availableReplicas
  );
}

function isTimedOut(deployment: Deployment, current: StatusCondition | undefined, now: Date): boolean {
  if (current === undefined || current.reason === reasons.complete) return false;
  if (current.reason === reasons.timedOut) return true;
  const deadlineMs = deadlineMsOf(deployment, current);
  return deadlineMs !== undefined && deadlineMs < now.getTime();
}

/**
 * How long until the rollout may have missed its deadline, or undefined while no deadline runs. Nothing but a timer
 * wakes a rollout that is stuck.
 */
export function deadlineCheckInMs(deployment: Deployment, status: DeploymentStatus, now: Date): number | undefined {
  const current = findCondition(status.conditions, "Progressing");
  if (current === undefined || deployment.spec?.paused === true || isComplete(deployment, status)) return undefined;
  if (current.reason === reasons.complete || current.reason === reasons.timedOut) return undefined;
  const deadlineMs = deadlineMsOf(deployment, current);
  // Times are whole seconds, so the deadline has passed for certain one second later.
  return deadlineMs === undefined ? undefined : Math.max(0, deadlineMs - now.getTime()) + 1000;
}

function deadlineMsOf(deployment: Deployment, current: StatusCondition): number | undefined {
  const seconds = deadlineSecondsOf(deployment);
  const since = current.lastUpdateTime ?? current.lastTransitionTime;
  return seconds === undefined || since === undefined ? undefined : Date.parse(since) + seconds * 1000;
}

function deadlineSecondsOf(deployment: Deployment): number | undefined {
  const seconds = deployment.spec?.progressDeadlineSeconds ?? progressDeadlineSecondsDefault;
  return seconds === noDeadline ? undefined : seconds;
}

/** Repeats the failure of the current ReplicaSet, or else of any old one. */
function withReplicaFailure(conditions: Conditions, { current, old }: Generations): Conditions {
  const candidates = current === undefined ? old : [current, ...old];
  for (const replicaSet of candidates) {
    const failure = findCondition(replicaSet.status?.conditions, "ReplicaFailure");
    if (failure === undefined) continue;
    const lastUpdateTime = failure.lastUpdateTime ?? failure.lastTransitionTime;
    return withCondition(conditions, { ...failure, ...(lastUpdateTime !== undefined && { lastUpdateTime }) });
  }
  return withoutCondition(conditions, "ReplicaFailure");
}

function times(now: Date): Pick<StatusCondition, "lastTransitionTime" | "lastUpdateTime"> & object {
  const time = timestamp(now);
  return { lastTransitionTime: time, lastUpdateTime: time };
}
