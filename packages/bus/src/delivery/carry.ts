import { attempt } from "./attempt.ts";
import { IN_PLACE_MS_MAX } from "./dead-letter.ts";
import type { Job, StepResult } from "./job.ts";
import type { DeliveryTools } from "./tools.ts";

/**
 * Carries a job on until it ends, or until the next wait is too long to be waited in place. Holds its record all the
 * while, so whoever calls this bounds how many run at once.
 *
 * @param isOwnReader Whether the record is held in a window that is its consumer's alone. There a job that cannot be
 * attempted now may wait as well; elsewhere it moves on at once.
 */
export async function carry(
  first: Job,
  tools: DeliveryTools,
  { isOwnReader }: { readonly isOwnReader: boolean },
): Promise<StepResult> {
  let job = first;
  for (;;) {
    const waitMs = job.notBeforeMs - tools.clock.nowMs();
    if (waitMs > IN_PLACE_MS_MAX) return { kind: "again", job, isDeferred: false };
    if (waitMs > 0 && !(await tools.waiting.pause(waitMs))) return { kind: "given-up" };
    if (tools.waiting.isClosing) return { kind: "given-up" };
    const result = await attempt(job, tools);
    if (result.kind !== "again") return result;
    if (result.isDeferred && !isOwnReader) return result;
    ({ job } = result);
  }
}
