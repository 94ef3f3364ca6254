import { getCondition, type ConditionedStatus, type ConditionSet } from "../../meta/conditions.ts";

/** A condition that a third party's bus writes. */
export interface SaidByBus {
  readonly set: ConditionSet;
  readonly type: string;
  /** Reasons that only Kelvin gives: once they do not hold any more, nothing is known until the bus says it. */
  readonly ownReasons: ReadonlySet<string>;
  /** What to say while nothing is known. */
  readonly silent: { readonly reason: string; readonly message: string };
}

/** Keeps what the bus said, and has Ready follow. */
export function keepSaid(status: ConditionedStatus, { set, type, ownReasons, silent }: SaidByBus, now: Date): void {
  const { status: value = "Unknown", reason = "", message = "" } = getCondition(status, type) ?? {};
  const mark = { type, reason, message };
  if (!hasSaid(status, { type, ownReasons })) set.markUnknown(status, { type, ...silent }, now);
  else if (value === "True") set.markTrue(status, mark, now);
  else if (value === "False") set.markFalse(status, mark, now);
  else set.markUnknown(status, mark, now);
}

/** Whether the bus has said anything: what stands there is not a word of ours. */
export function hasSaid(
  status: ConditionedStatus,
  { type, ownReasons }: Pick<SaidByBus, "type" | "ownReasons">,
): boolean {
  const { status: value = "Unknown", reason = "" } = getCondition(status, type) ?? {};
  return value === "True" || (reason !== "" && !ownReasons.has(reason));
}
