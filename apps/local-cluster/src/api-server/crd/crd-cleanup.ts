import type { ApiObject } from "../api-object.ts";
import { controlPlaneUser } from "../identity/user.ts";
import { deleteObject } from "../registry/delete.ts";
import type { Registry, WriteRequest } from "../registry/request.ts";
import { updateObject } from "../registry/update.ts";
import type { Resource } from "../resource.ts";
import { StatusError } from "../status-error.ts";
import { crdCleanupFinalizer } from "./crd-strategy.ts";
import { resourcesOf } from "./custom-resources.ts";

const crdType = "apiextensions.k8s.io/customresourcedefinitions";

/**
 * Deletes all objects of a CRD that is being deleted, waits until their finalizers have let them go, and then lets the CRD go.
 * A cleanup that a crash interrupted goes on at the next opening.
 */
export function openCrdCleanup(
  registry: Registry,
  reportError: (message: string, error: unknown) => void,
): { close(): void } {
  const waiting = new Map<string, () => void>();
  const advance = (crd: ApiObject): void => {
    cleanUp(registry, crd, waiting).catch((error: unknown) => reportError("CRD cleanup failed", error));
  };
  const isDue = (crd: ApiObject): boolean =>
    crd.metadata.deletionTimestamp !== undefined &&
    (crd.metadata.finalizers ?? []).includes(crdCleanupFinalizer) &&
    !waiting.has(crd.metadata.name ?? "");
  for (const crd of registry.store.list(crdType)) if (isDue(crd)) advance(crd);
  const stop = registry.store.watch(crdType, registry.store.revision, ({ type, object }) => {
    // The commit that is being announced must be over before the next write.
    if (type !== "DELETED" && isDue(object)) queueMicrotask(() => isDue(object) && advance(object));
  });
  return {
    close() {
      stop();
      for (const unwatch of waiting.values()) unwatch();
    },
  };
}

async function cleanUp(registry: Registry, crd: ApiObject, waiting: Map<string, () => void>): Promise<void> {
  const { store } = registry;
  const name = crd.metadata.name ?? "";
  const resource = resourcesOf(crd)[0];
  if (resource !== undefined && store.list(resource.storageType).length > 0) {
    let resolveGone: () => void = () => undefined;
    const gone = new Promise<void>((resolve) => {
      resolveGone = resolve;
    });
    const unwatch = store.watch(resource.storageType, store.revision, () => {
      if (store.list(resource.storageType).length === 0) resolveGone();
    });
    waiting.set(name, unwatch);
    try {
      await deleteAll(registry, resource);
      if (store.list(resource.storageType).length > 0) await gone;
    } finally {
      unwatch();
      waiting.delete(name);
    }
  }
  await releaseCrd(registry, name);
}

async function deleteAll(registry: Registry, resource: Resource): Promise<void> {
  for (const { metadata } of registry.store.list(resource.storageType)) {
    const request = requestFor(resource, metadata.namespace ?? "");
    await ignoringNotFound(deleteObject(registry, request, { name: metadata.name ?? "", options: {} }));
  }
}

async function releaseCrd(registry: Registry, name: string): Promise<void> {
  const resource = registry.resources.find("apiextensions.k8s.io", "v1", "customresourcedefinitions");
  if (resource === undefined) return;
  await ignoringNotFound(
    updateObject(registry, requestFor(resource, ""), {
      name,
      isReplace: false,
      produce: (crd) => {
        const finalizers = (crd.metadata.finalizers ?? []).filter((finalizer) => finalizer !== crdCleanupFinalizer);
        return { ...crd, metadata: { ...crd.metadata, finalizers } };
      },
    }),
  );
}

function requestFor(resource: Resource, namespace: string): WriteRequest {
  return {
    resource,
    namespace,
    user: controlPlaneUser,
    dryRun: false,
    fieldValidation: "Ignore",
    warn: () => undefined,
  };
}

async function ignoringNotFound(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!(error instanceof StatusError) || error.status.reason !== "NotFound") throw error;
  }
}
