import type { Pod, ReplicaSet } from "@kelvin/kube";
import { findCondition, type StatusCondition, timestamp, withCondition, withoutCondition } from "../conditions.ts";
import { withoutZeros } from "../without-zeros.ts";
import { isPodReady, podAvailableInMs } from "../pods.ts";

export type ReplicaSetStatus = NonNullable<ReplicaSet["status"]>;

/** Why the wanted number of pods could not be reached. */
export interface ReplicaFailure {
  readonly reason: "FailedCreate" | "FailedDelete";
  readonly message: string;
}

/** What a ReplicaSet reports of its active pods, and when it has to look again because one becomes available by time. */
export function makeReplicaSetStatus(
  replicaSet: ReplicaSet,
  activePods: readonly Pod[],
  { failure, now }: { failure: ReplicaFailure | undefined; now: Date },
): { status: ReplicaSetStatus; availableInMs: number | undefined } {
  const templateLabels = Object.entries(replicaSet.spec?.template?.metadata?.labels ?? {});
  const minReadySeconds = replicaSet.spec?.minReadySeconds ?? 0;
  const waits = activePods
    .map((pod) => podAvailableInMs(pod, minReadySeconds, now.getTime()))
    .filter((waitMs) => waitMs !== undefined);
  const pending = waits.filter((waitMs) => waitMs > 0);
  const conditions = conditionsOf(replicaSet, failure, now);
  return {
    status: {
      replicas: activePods.length,
      ...withoutZeros({
        fullyLabeledReplicas: activePods.filter(({ metadata }) =>
          templateLabels.every(([key, value]) => metadata.labels?.[key] === value),
        ).length,
        readyReplicas: activePods.filter(isPodReady).length,
        availableReplicas: waits.length - pending.length,
      }),
      observedGeneration: replicaSet.metadata.generation ?? 0,
      ...(conditions.length > 0 && { conditions: [...conditions] }),
    },
    availableInMs: pending.length === 0 ? undefined : Math.min(...pending),
  };
}

function conditionsOf(
  replicaSet: ReplicaSet,
  failure: ReplicaFailure | undefined,
  now: Date,
): readonly StatusCondition[] {
  const conditions: readonly StatusCondition[] = replicaSet.status?.conditions ?? [];
  if (failure === undefined) return withoutCondition(conditions, "ReplicaFailure");
  if (findCondition(conditions, "ReplicaFailure") !== undefined) return conditions;
  const lastTransitionTime = timestamp(now);
  return withCondition(conditions, { type: "ReplicaFailure", status: "True", ...failure, lastTransitionTime });
}
