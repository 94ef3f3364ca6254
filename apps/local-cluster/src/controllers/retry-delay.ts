import type { StatusCondition } from "./conditions.ts";

const delayMsMin = 250;
const delayMsMax = 30_000;

/**
 * How long to wait before trying again what fails since the condition was written: as long as it has failed already,
 * within limits. So the waits double, and a restart forgets nothing.
 */
export function retryDelayMs(condition: StatusCondition | undefined, now: Date): number {
  const since = condition?.lastTransitionTime;
  const failedMs = since === undefined ? 0 : now.getTime() - Date.parse(since);
  return Math.min(delayMsMax, Math.max(delayMsMin, failedMs));
}
