import { getCondition, readyCondition, type Condition, type ConditionedStatus, type KubeObject } from "@kelvin/api";
import type { EventRecorder } from "@kelvin/controller";

/** Tells by an Event that an object became ready, or failed for another reason than before. `before` is its Ready as it was. */
export function tellOfReadiness(
  object: KubeObject & { status?: ConditionedStatus },
  before: Condition | undefined,
  recorder: EventRecorder,
): void {
  const ready = getCondition(object.status, readyCondition);
  if (ready === undefined || (ready.status === before?.status && ready.reason === before.reason)) return;
  const { reason = "NotReady", message = "" } = ready;
  if (ready.status === "False") recorder.warning(object, reason, message);
  if (ready.status !== "True") return;
  const { kind = "object", metadata } = object;
  recorder.normal(object, `${kind}ReadinessChanged`, `${kind} "${metadata.name ?? ""}" became ready`);
}
