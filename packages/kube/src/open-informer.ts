import type { Kind, KubeObject } from "@kelvin/api";
import { makeBackoff } from "./backoff.ts";
import type { Backoff } from "./backoff.ts";
import { systemClock } from "./clock.ts";
import type { Clock } from "./clock.ts";
import { ExpiredError, toError, UnavailableError } from "./errors.ts";
import type { Change, Informer, InformerOptions, OpenInformer } from "./informer.ts";
import { deepFreeze } from "./json-value.ts";
import type { KubeClient, ListOptions, WatchEvent } from "./kube-client.ts";
import { makeObjectStore } from "./object-store.ts";
import { keyOf } from "./object-key.ts";

const RETRY_MS_MIN = 200;
const RETRY_MS_MAX = 30_000;
/** A watch that ends sooner than this was refused rather than timed out, and is not reopened at once. */
const WATCH_MS_MIN = 1000;
/** A list that expires sooner than this is not repeated at once. */
const RELIST_MS_MIN = 1000;

/** See OpenInformer. */
export const openInformer: OpenInformer = (kube, kind, options = {}) => {
  const abort = new AbortController();
  const cache = makeCache(options);
  const synced = Promise.withResolvers<void>();
  let isSynced = false;
  const loop = runReflector({
    kube,
    kind,
    options,
    signal: abort.signal,
    replace(objects) {
      cache.replace(objects);
      isSynced = true;
      synced.resolve();
    },
    apply: cache.apply,
  });
  return {
    kind,
    get: cache.store.get,
    list: cache.store.list,
    byIndex: cache.store.byIndex,
    synced: synced.promise,
    get isSynced() {
      return isSynced;
    },
    onChange: cache.onChange,
    async close() {
      abort.abort();
      await loop;
    },
  };
};

interface Cache<T extends KubeObject> {
  store: Pick<Informer<T>, "get" | "list" | "byIndex">;
  replace: (objects: readonly T[]) => void;
  apply: (event: WatchEvent<T>) => void;
  onChange: Informer<T>["onChange"];
}

function makeCache<T extends KubeObject>(options: InformerOptions<T>): Cache<T> {
  const { transform, freeze = true, onError } = options;
  const store = makeObjectStore(options.indexes);
  const listeners = new Set<(change: Change<T>) => void>();

  const receive = (object: T): T => {
    const kept = withoutManagedFields(object);
    const shrunk = transform === undefined ? kept : transform(kept);
    return freeze ? deepFreeze(shrunk) : shrunk;
  };
  const tell = (change: Change<T>): void => {
    for (const listener of listeners) {
      try {
        listener(change);
      } catch (error) {
        onError?.(toError(error));
      }
    }
  };
  const tellAll = ({ before, after }: Change<T>): void => {
    if (before === undefined && after === undefined) return;
    if (before !== undefined && after !== undefined) {
      if (before.metadata.resourceVersion === after.metadata.resourceVersion) return;
      if (before.metadata.uid !== after.metadata.uid) {
        tell({ before, after: undefined });
        tell({ before: undefined, after });
        return;
      }
    }
    tell({ before, after });
  };

  return {
    store,
    replace(objects) {
      for (const change of store.replace(objects.map(receive))) tellAll(change);
    },
    apply(event) {
      if (event.type === "BOOKMARK") return;
      if (event.type === "DELETED") {
        tellAll({ before: store.remove(keyOf(event.object)), after: undefined });
        return;
      }
      const after = receive(event.object);
      tellAll({ before: store.put(after), after });
    },
    onChange(listener) {
      const own = (change: Change<T>): void => listener(change);
      listeners.add(own);
      return () => {
        listeners.delete(own);
      };
    },
  };
}

/** Field ownership is often half of an object, and nothing here reads it; an update without it leaves it as it is. */
function withoutManagedFields<T extends KubeObject>(object: T): T {
  if (!("managedFields" in object.metadata)) return object;
  const { managedFields: _dropped, ...metadata } = object.metadata;
  return { ...object, metadata };
}

interface Reflector<T extends KubeObject> {
  kube: Pick<KubeClient, "list" | "watch">;
  kind: Kind<T>;
  options: InformerOptions<T>;
  signal: AbortSignal;
  replace: (objects: readonly T[]) => void;
  apply: (event: WatchEvent<T>) => void;
}

/** How far a reflector has come. */
interface Progress {
  readonly clock: Clock;
  readonly backoff: Backoff;
  /** Where to watch on; undefined means to list first. */
  resourceVersion: string | undefined;
  listedMs: number;
}

/** Lists, then watches from there; watches on after a break; lists again when the version was forgotten. */
async function runReflector<T extends KubeObject>(reflector: Reflector<T>): Promise<void> {
  const { signal, options } = reflector;
  const clock = options.clock ?? systemClock;
  const backoff = makeBackoff(RETRY_MS_MIN, RETRY_MS_MAX, options.random);
  const progress: Progress = { clock, backoff, resourceVersion: undefined, listedMs: -Infinity };
  while (!signal.aborted) {
    const pauseMs = await runRound(reflector, progress);
    if (pauseMs > 0) await clock.sleep(pauseMs, signal);
  }
}

/** One watch, after a list if need be. Gives how long to wait before the next. */
async function runRound<T extends KubeObject>(reflector: Reflector<T>, progress: Progress): Promise<number> {
  const { signal, options } = reflector;
  const { clock, backoff } = progress;
  const startedMs = clock.monotonicMs();
  try {
    await listAndWatch(reflector, progress);
    if (clock.monotonicMs() - startedMs < WATCH_MS_MIN) return backoff.nextMs();
    backoff.reset();
    return 0;
  } catch (error) {
    if (signal.aborted) return 0;
    options.onError?.(toError(error));
    if (!canWatchOn(error)) progress.resourceVersion = undefined;
    // The server is back, and says that what is held here is old: that is no time to wait, unless it says so always.
    if (!(error instanceof ExpiredError) || startedMs - progress.listedMs < RELIST_MS_MIN) return backoff.nextMs();
    backoff.reset();
    return 0;
  }
}

async function listAndWatch<T extends KubeObject>(reflector: Reflector<T>, progress: Progress): Promise<void> {
  if (progress.resourceVersion === undefined) {
    progress.resourceVersion = await listAll(reflector);
    progress.listedMs = progress.clock.monotonicMs();
  }
  for await (const event of watchFrom(reflector, progress.resourceVersion)) {
    reflector.apply(event);
    progress.resourceVersion = versionOf(event) ?? progress.resourceVersion;
    progress.backoff.reset();
  }
}

/**
 * A lost connection or a busy server forgets nothing: the watch goes on where it was, which spares the server a list.
 * After anything else, a version that is too old or (the server lost its storage) too new among it, only a list is safe.
 */
function canWatchOn(error: unknown): boolean {
  if (!(error instanceof UnavailableError)) return false;
  return error.details?.causes?.some((cause) => cause.reason === "ResourceVersionTooLarge") !== true;
}

async function listAll<T extends KubeObject>({ kube, kind, options, signal, replace }: Reflector<T>): Promise<string> {
  const { items, resourceVersion } = await kube.list(kind, { ...selection(options), signal });
  signal.throwIfAborted();
  replace(items);
  return resourceVersion;
}

function watchFrom<T extends KubeObject>(
  { kube, kind, options, signal }: Reflector<T>,
  resourceVersion: string,
): AsyncIterable<WatchEvent<T>> {
  return kube.watch(kind, { ...selection(options), resourceVersion, signal });
}

function selection<T extends KubeObject>(options: InformerOptions<T>): ListOptions {
  const { namespace, labelSelector, fieldSelector } = options;
  return {
    ...(namespace !== undefined && { namespace }),
    ...(labelSelector !== undefined && { labelSelector }),
    ...(fieldSelector !== undefined && { fieldSelector }),
  };
}

function versionOf<T extends KubeObject>(event: WatchEvent<T>): string | undefined {
  const version = event.type === "BOOKMARK" ? event.resourceVersion : event.object.metadata.resourceVersion;
  return version === "" ? undefined : version;
}
