import { type Clock, keyOf, type KubeClient, NotFoundError, Pod } from "@kelvin/kube";
import { replaceCondition, timestamp } from "./conditions.ts";
import { isPodTerminal } from "./pods.ts";

/** Why a pod is ended though it did nothing wrong. */
export interface Disruption {
  readonly reason: string;
  readonly message: string;
  /** Whether its containers are gone for certain, so that it has failed. */
  readonly isOver: boolean;
}

/** Notes in the pod why it is about to be deleted, as a Job's failure policy and people want to know. */
export async function markDisrupted(
  pod: Pod,
  { reason, message, isOver }: Disruption,
  { kube, clock }: { kube: KubeClient; clock: Pick<Clock, "now"> },
): Promise<void> {
  if (isPodTerminal(pod)) return;
  const condition = { type: "DisruptionTarget", status: "True", reason, message };
  const conditions = replaceCondition(pod.status?.conditions ?? [], {
    ...condition,
    lastTransitionTime: timestamp(clock.now()),
  });
  const { uid, resourceVersion } = pod.metadata;
  const body = { metadata: { uid, resourceVersion }, status: { conditions, ...(isOver && { phase: "Failed" }) } };
  try {
    await kube.patch(Pod, keyOf(pod), { type: "merge", body }, { subresource: "status" });
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
  }
}
