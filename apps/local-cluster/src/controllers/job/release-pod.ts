import { keyOf, type KubeClient, NotFoundError, Pod } from "@kelvin/kube";
import { isTracked, trackingFinalizer } from "./job-pod.ts";

/** Takes the Job's finalizer off exactly this version of the pod; a newer one is a Conflict, and judged again. */
export async function releasePod(pod: Pod, kube: KubeClient): Promise<void> {
  if (!isTracked(pod)) return;
  const { uid, resourceVersion, finalizers = [] } = pod.metadata;
  const rest = finalizers.filter((name) => name !== trackingFinalizer);
  const body = { metadata: { uid, resourceVersion, finalizers: rest.length === 0 ? null : rest } };
  try {
    await kube.patch(Pod, keyOf(pod), { type: "merge", body });
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
  }
}
