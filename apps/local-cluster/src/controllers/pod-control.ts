import type { EventRecorder } from "@kelvin/controller";
import { keyOf, type KubeClient, type KubeObject, NotFoundError, Pod, toError } from "@kelvin/kube";
import { isNamespaceTerminating } from "./namespace-terminating.ts";
import type { UnseenWrites } from "./unseen-writes.ts";

export interface PodControlDeps {
  readonly kube: KubeClient;
  readonly recorder: EventRecorder;
  readonly unseen: UnseenWrites;
}

/** Creates a pod of the owner, notes it as unseen, and tells of it. Throws what the API server says. */
export async function createPod(owner: KubeObject, pod: Pod, deps: PodControlDeps): Promise<void> {
  const { kube, unseen, recorder } = deps;
  const uid = owner.metadata.uid ?? "";
  const name = pod.metadata.name ?? "";
  unseen.created(uid, name);
  try {
    await kube.create(Pod, pod);
    recorder.normal(owner, "SuccessfulCreate", `Created pod: ${name}`);
  } catch (error) {
    unseen.forget(uid, name);
    if (!isNamespaceTerminating(error)) {
      recorder.warning(owner, "FailedCreate", `Error creating: ${toError(error).message}`);
    }
    throw error;
  }
}

/** Deletes a pod of the owner, notes it as unseen, and tells of it. One that is gone is fine. */
export async function deletePod(owner: KubeObject, pod: Pod, deps: PodControlDeps): Promise<void> {
  const { kube, unseen, recorder } = deps;
  const ownerUid = owner.metadata.uid ?? "";
  const { name = "", uid = "" } = pod.metadata;
  unseen.deleted(ownerUid, uid);
  try {
    await kube.delete(Pod, keyOf(pod), { preconditions: { uid } });
    recorder.normal(owner, "SuccessfulDelete", `Deleted pod: ${name}`);
  } catch (error) {
    unseen.forget(ownerUid, uid);
    if (error instanceof NotFoundError) return;
    recorder.warning(owner, "FailedDelete", `Error deleting: ${toError(error).message}`);
    throw error;
  }
}
