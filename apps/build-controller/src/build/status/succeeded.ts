import { getCondition, setCondition } from "@kelvin/api";
import { succeededCondition, type BuildStatus } from "@kelvin/api/build/v1alpha1";
import type { Verdict } from "./verdict.ts";

/** Sets the condition Succeeded. Its time is when its status last changed; new words for the same status do not count. */
export function setSucceeded(status: BuildStatus, verdict: Verdict, now: Date): void {
  const before = getCondition(status, succeededCondition);
  setCondition(status, { type: succeededCondition, ...verdict }, now);
  const after = getCondition(status, succeededCondition);
  if (before?.status === verdict.status && before.lastTransitionTime !== undefined && after !== undefined) {
    after.lastTransitionTime = before.lastTransitionTime;
  }
}
