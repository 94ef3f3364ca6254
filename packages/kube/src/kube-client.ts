import type { Kind, KubeObject, ObjectKey } from "@kelvin/api";

/**
 * The port to a Kubernetes API server. All that Kelvin knows of Kubernetes goes through these eight methods.
 *
 * Objects come back as plain JSON values with string timestamps; `apiVersion` and `kind` are always filled in.
 * Every method rejects with one of the errors in errors.ts and takes an optional `signal` that aborts the call.
 */
export interface KubeClient {
  /** @throws NotFoundError when it does not exist. */
  get<T extends KubeObject>(kind: Kind<T>, key: ObjectKey, options?: CallOptions): Promise<T>;
  /** As `get`, but absence is `undefined`. Every other failure throws. */
  find<T extends KubeObject>(kind: Kind<T>, key: ObjectKey, options?: CallOptions): Promise<T | undefined>;
  /** All objects that match, in key order, with the resource version the list was read at. Pages are followed. */
  list<T extends KubeObject>(kind: Kind<T>, options?: ListOptions): Promise<ObjectList<T>>;
  /**
   * One watch connection: yields events from `resourceVersion` on, bookmarks included, and ends when the server closes it.
   * @throws ExpiredError when the resource version is too old: list again. Use an Informer rather than this.
   */
  watch<T extends KubeObject>(kind: Kind<T>, options: WatchOptions): AsyncIterable<WatchEvent<T>>;
  /** @throws AlreadyExistsError when the name is taken, InvalidError when refused by validation or admission. */
  create<T extends KubeObject>(kind: Kind<T>, object: T, options?: WriteOptions): Promise<T>;
  /** Replaces the object, or one of its subresources. @throws ConflictError when `resourceVersion` is not the stored one: read and try again. */
  update<T extends KubeObject>(kind: Kind<T>, object: T, options?: WriteOptions): Promise<T>;
  patch<T extends KubeObject>(kind: Kind<T>, key: ObjectKey, patch: Patch, options?: WriteOptions): Promise<T>;
  /** Starts deletion; resolves also when the object is already gone. */
  delete<T extends KubeObject>(kind: Kind<T>, key: ObjectKey, options?: DeleteOptions): Promise<void>;
}

/** What every call takes. */
export interface CallOptions {
  signal?: AbortSignal;
}

/** Which objects a list or watch is about. */
export interface ListOptions extends CallOptions {
  /** Absent = all namespaces. */
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
}

/** Where a watch begins and how long it lasts. */
export interface WatchOptions extends ListOptions {
  resourceVersion: string;
  /** The server ends the watch after this many seconds. Default: 300 to 600, spread at random. */
  timeoutSeconds?: number;
}

/** How something is written. */
export interface WriteOptions extends CallOptions {
  subresource?: "status" | "scale";
  dryRun?: boolean;
}

/** How something is deleted, and what becomes of its dependants. */
export interface DeleteOptions extends CallOptions {
  propagationPolicy?: "Background" | "Foreground" | "Orphan";
  gracePeriodSeconds?: number;
  /** Deletes only this incarnation. @throws ConflictError otherwise. */
  preconditions?: { uid?: string; resourceVersion?: string };
}

/** What a list read, and when. */
export interface ObjectList<T> {
  items: T[];
  resourceVersion: string;
}

/** What a watch yields. A bookmark only moves the resource version on. */
export type WatchEvent<T> =
  | { type: "ADDED" | "MODIFIED" | "DELETED"; object: T }
  | { type: "BOOKMARK"; resourceVersion: string };

/** A patch document with its media type. */
export type Patch = { type: "merge"; body: object } | { type: "json"; body: readonly JsonPatchOperation[] };

/** One operation of a JSON patch (RFC 6902). */
export interface JsonPatchOperation {
  op: "add" | "remove" | "replace" | "test" | "move" | "copy";
  path: string;
  value?: unknown;
  from?: string;
}
