import type { Kind, KubeObject } from "@kelvin/api";
import { ConflictError, isSemanticallyEqual, keyOf, NotFoundError } from "@kelvin/kube";
import type { KubeClient } from "@kelvin/kube";

const ATTEMPTS_MAX = 5;

/** The `status` of any object, which KubeObject does not name for some kinds have none. */
export function statusOf(object: KubeObject): unknown {
  return "status" in object ? object.status : undefined;
}

/** Where a status is written. */
export interface StatusTarget<T extends KubeObject> {
  readonly kube: KubeClient;
  readonly kind: Kind<T>;
  /** Whether others write it, too. */
  readonly isShared: boolean;
}

/**
 * Stores `object.status` through the status subresource. When somebody wrote in between, the status is put onto what is
 * there now, if it is ours alone; an object that is gone, or is another of the same name, is left be.
 *
 * @throws ConflictError when the status is shared and somebody wrote in between: look at what is there, and decide again.
 */
export async function writeStatus<T extends KubeObject>(
  { kube, kind, isShared }: StatusTarget<T>,
  object: T,
): Promise<void> {
  let target = object;
  for (let attempts = 1; ; attempts += 1) {
    try {
      await kube.update(kind, target, { subresource: "status" });
      return;
    } catch (error) {
      if (error instanceof NotFoundError) return;
      if (!(error instanceof ConflictError) || isShared || attempts >= ATTEMPTS_MAX) throw error;
    }
    const live = await kube.find(kind, keyOf(object));
    if (live === undefined || live.metadata.uid !== object.metadata.uid) return;
    if (isSemanticallyEqual(statusOf(live), statusOf(object))) return;
    target = { ...live, status: statusOf(object) };
  }
}
