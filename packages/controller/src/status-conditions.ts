import type { ConditionedStatus, ConditionSet, Kind } from "@kelvin/api";

// What the loop does to conditions of any kind. Only types come from @kelvin/api: the local cluster's controllers run in
// this loop too and must not load Knative's schemas.

/** The conditions that the kind declares, if it is one of ours. */
export function conditionsOf(kind: Kind): ConditionSet | undefined {
  return "conditions" in kind ? (kind.conditions as ConditionSet) : undefined;
}

/** Says that a new generation is being worked on; stands only if the reconcile then fails before it says otherwise. */
export function markNewGeneration(status: ConditionedStatus, conditions: ConditionSet, now: Date): void {
  const message = "unsuccessfully observed a new generation";
  conditions.markUnknown(status, { type: conditions.happy, reason: "NewObservedGenFailure", message }, now);
}

type Condition = NonNullable<ConditionedStatus["conditions"]>[number];

/** Gives conditions that ended as they began their old transition time, though they were otherwise on the way. */
export function keepTransitionTimes(status: ConditionedStatus, before: ConditionedStatus): void {
  for (const condition of status.conditions ?? []) {
    const old = before.conditions?.find(({ type }) => type === condition.type);
    if (old?.lastTransitionTime === undefined || !isSameCondition(old, condition)) continue;
    condition.lastTransitionTime = old.lastTransitionTime;
  }
}

function isSameCondition(left: Condition, right: Condition): boolean {
  const fields = ["status", "severity", "reason", "message"] as const;
  return fields.every((field) => (left[field] ?? "") === (right[field] ?? ""));
}
