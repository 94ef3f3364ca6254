import type { Condition, ConditionedStatus, ConditionSet } from "./conditions.ts";
import type { CustomKind } from "./custom-kind.ts";
import type { KubeObject } from "./object-meta.ts";

/** An object of ours, whatever its kind. */
export interface StatusObject extends KubeObject {
  status?: ConditionedStatus;
}

/** Gives the object a status if it has none, adds the conditions that are absent, and returns the status. */
export function initializeStatus(
  kind: Pick<CustomKind, "conditions">,
  object: StatusObject,
  now: Date,
): ConditionedStatus {
  object.status ??= {};
  kind.conditions.initialize(object.status, now);
  return object.status;
}

/** Repeats a child's condition as one of ours, reason and message included. An absent one changes nothing. */
export function propagateCondition(
  set: ConditionSet,
  status: ConditionedStatus,
  { from, to, now }: { from: Condition | undefined; to: string; now: Date },
): void {
  if (from === undefined) return;
  const mark = { type: to, reason: from.reason ?? "", message: from.message ?? "" };
  if (from.status === "True") set.markTrue(status, { type: to }, now);
  else if (from.status === "False") set.markFalse(status, mark, now);
  else set.markUnknown(status, mark, now);
}
