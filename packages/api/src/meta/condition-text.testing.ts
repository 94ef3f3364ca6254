import { getCondition, type ConditionedStatus } from "./conditions.ts";

/** All that users see of a condition, for tests: `False/Reason: message`, or `absent`. */
export function conditionText(status: ConditionedStatus, type: string): string {
  const { status: value = "absent", reason = "", message = "" } = getCondition(status, type) ?? {};
  return `${value}${reason === "" ? "" : `/${reason}`}${message === "" ? "" : `: ${message}`}`;
}

/** A time for tests. */
export function newTime(): Date {
  return new Date("2026-01-01T00:00:00Z");
}
