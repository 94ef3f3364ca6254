import { errorFromStatus, type KubeClient } from "@kelvin/kube";
import { copyJson } from "./api-object.ts";
import { controlPlaneUser } from "./identity/user.ts";
import { createObject } from "./registry/create.ts";
import { deleteObject } from "./registry/delete.ts";
import { applyPatch, patchObject } from "./registry/patch.ts";
import { getObject, listObjects, watchObjects, type ObjectEvent } from "./registry/read.ts";
import type { Registry, RequestScope, WriteRequest } from "./registry/request.ts";
import { updateScale } from "./registry/scale.ts";
import { updateObject } from "./registry/update.ts";
import { noSuchResource, StatusError } from "./status-error.ts";

// The KubeClient of the built-in controllers and the node agent: the same registry as over HTTP, without sockets or JSON text.
// What single-object calls and lists return is the caller's own copy; objects of watch events are shared and frozen.

type KindName = { readonly group: string; readonly version: string; readonly plural: string };
type Key = { readonly namespace?: string; readonly name: string };
type Options = { readonly subresource?: "status" | "scale"; readonly dryRun?: boolean; readonly signal?: AbortSignal };

/** Opens the client. It has nothing to close; watches end by their signal, their timeout, or when `closed` is aborted. */
export function makeInProcessClient(registry: Registry, closed: AbortSignal): KubeClient {
  const scopeOf = (kind: KindName, namespace: string | undefined): RequestScope => {
    const resource = registry.resources.find(kind.group, kind.version, kind.plural);
    if (resource === undefined) throw noSuchResource();
    return { resource, namespace: resource.namespaced ? (namespace ?? "") : "", user: controlPlaneUser };
  };
  const writeOf = (kind: KindName, namespace: string | undefined, options: Options = {}): WriteRequest => ({
    ...scopeOf(kind, namespace),
    dryRun: options.dryRun ?? false,
    fieldValidation: "Ignore",
    ...(options.subresource === "status" ? { subresource: "status" } : {}),
    warn: () => undefined,
  });
  const get = async <T>(kind: KindName, key: Key, options: Options = {}): Promise<T> =>
    translated(options.signal, () => Promise.resolve(getObject(registry, scopeOf(kind, key.namespace), key.name)));

  return {
    get,
    async find(kind, key, options) {
      try {
        return await get(kind, key, options);
      } catch (error) {
        if (isAbsence(error)) return undefined;
        throw error;
      }
    },
    list: (kind, options = {}) =>
      translated(options.signal, () => {
        const list = listObjects(registry, scopeOf(kind, options.namespace), options);
        return Promise.resolve({ items: [...list.items], resourceVersion: list.resourceVersion });
      }),
    watch: (kind, options) =>
      watchAsIterable(registry, { ...options, scope: () => scopeOf(kind, options.namespace), closed }),
    create: (kind, object, options) =>
      translated(options?.signal, () =>
        createObject(registry, writeOf(kind, object.metadata.namespace, options), object),
      ),
    update: (kind, object, options) =>
      translated(options?.signal, () => {
        const { name = "", namespace } = object.metadata;
        const request = writeOf(kind, namespace, options);
        if (options?.subresource === "scale") return updateScale(registry, request, { name, produce: () => object });
        return updateObject(registry, request, { name, isReplace: true, produce: () => object });
      }),
    patch: (kind, key, ...[patch, options]) =>
      translated(options?.signal, () => {
        const request = writeOf(kind, key.namespace, options);
        const { name } = key;
        if (options?.subresource === "scale") {
          return updateScale(registry, request, {
            name,
            produce: (scale) => applyPatch(patch.type, scale, { patch: patch.body }),
          });
        }
        return patchObject(registry, request, { name, type: patch.type, patch: patch.body });
      }),
    delete: (kind, key, options = {}) =>
      translated(options.signal, async () => {
        const request = writeOf(kind, key.namespace);
        try {
          await deleteObject(registry, request, { name: key.name, options });
        } catch (error) {
          if (!isAbsence(error) || !isServed(registry, kind)) throw error;
        }
      }),
  };
}

function isServed(registry: Registry, kind: KindName): boolean {
  return registry.resources.find(kind.group, kind.version, kind.plural) !== undefined;
}

function isAbsence(error: unknown): boolean {
  if (error instanceof StatusError) return error.status.reason === "NotFound";
  return error instanceof Error && error.name === "NotFoundError";
}

/** Runs a call of the registry; its result becomes the caller's own, its refusals the errors every KubeClient throws. */
async function translated<T, R>(signal: AbortSignal | undefined, call: () => Promise<R>): Promise<T> {
  try {
    signal?.throwIfAborted();
    return typed<T>(copyJson(await call()));
  } catch (error) {
    throw error instanceof StatusError ? errorFromStatus(error.status) : error;
  }
}

// The registry has checked that the object is of the kind the caller named; the static type follows from that.
function typed<T>(value: unknown): T {
  return value as T;
}

const queuedEventsMax = 10_000;
const watchSecondsDefault = 480;

interface IterableWatch {
  readonly scope: () => RequestScope;
  readonly resourceVersion: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly timeoutSeconds?: number;
  readonly signal?: AbortSignal;
  readonly closed: AbortSignal;
}

type TypedEvent<T> = { type: ObjectEvent["type"]; object: T } | { type: "BOOKMARK"; resourceVersion: string };

/** Ends like a connection does: at its timeout, when the reader falls too far behind, or when it is no longer wanted. */
async function* watchAsIterable<T>(registry: Registry, watch: IterableWatch): AsyncGenerator<TypedEvent<T>> {
  const queue: ObjectEvent[] = [];
  let wake: () => void = () => undefined;
  let isOpen = true;
  const end = (): void => {
    isOpen = false;
    wake();
  };
  const stop = startWatch(registry, watch, (event) => {
    if (queue.push(event) > queuedEventsMax) end();
    wake();
  });
  const timer = setTimeout(end, (watch.timeoutSeconds ?? watchSecondsDefault) * 1000);
  timer.unref();
  const signals = [watch.closed, ...(watch.signal === undefined ? [] : [watch.signal])];
  for (const signal of signals) signal.addEventListener("abort", end);
  try {
    if (signals.some((signal) => signal.aborted)) return;
    while (isOpen) {
      for (const event of queue.splice(0)) yield { type: event.type, object: typed<T>(event.object) };
      if (queue.length > 0 || !isOpen) continue;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    // The client resumes from here after a quiet watch, instead of from the last event it happened to see.
    if (queue.length === 0) yield { type: "BOOKMARK", resourceVersion: String(registry.store.revision) };
  } finally {
    stop();
    clearTimeout(timer);
    for (const signal of signals) signal.removeEventListener("abort", end);
  }
}

function startWatch(registry: Registry, watch: IterableWatch, listener: (event: ObjectEvent) => void): () => void {
  try {
    watch.signal?.throwIfAborted();
    const { resourceVersion } = watch;
    return watchObjects(registry, watch.scope(), { selectors: watch, resourceVersion, listener });
  } catch (error) {
    throw error instanceof StatusError ? errorFromStatus(error.status) : error;
  }
}
