import { keyOf, type Kind, type KubeObject } from "@kelvin/api";
import { waitForEvent, type Outcome } from "@kelvin/controller";
import { NotFoundError, type KubeClient } from "@kelvin/kube";
import type { MetadataPatch } from "./routing-state.ts";

export interface MetadataChange<T extends KubeObject> {
  readonly kind: Kind<T>;
  readonly patch: MetadataPatch;
  readonly kube: KubeClient;
}

/**
 * Patches the object's labels and annotations, and goes on with what is then stored. Ends the reconcile of one that is
 * gone: when a Service is deleted, its Route often goes first, and its Revisions follow before we have heard of it.
 */
export async function patchMetadata<T extends KubeObject>(
  object: T,
  { kind, patch, kube }: MetadataChange<T>,
): Promise<Outcome | undefined> {
  try {
    const patched = await kube.patch(kind, keyOf(object), { type: "merge", body: patch });
    object.metadata = patched.metadata;
    return undefined;
  } catch (error) {
    if (error instanceof NotFoundError) return waitForEvent;
    throw error;
  }
}
