import type { Kind, KubeObject, ObjectKey } from "@kelvin/api";
import type { KubeClient } from "./kube-client.ts";

/**
 * A live, read-only copy of all objects of one kind that match a selector, kept by list and watch.
 * Objects are shared: never change one. Errors never stop it: it lists and watches again with backoff.
 */
export interface Informer<T extends KubeObject> {
  readonly kind: Kind<T>;
  get(key: ObjectKey): T | undefined;
  list(namespace?: string): T[];
  /** Objects whose `index` function (see InformerOptions) returned this value. */
  byIndex(index: string, value: string): T[];
  /** Resolves after the first complete list has been applied. */
  readonly synced: Promise<void>;
  /** Called after the copy changed, with old and new (undefined: did not or does not exist). Returns the unsubscriber. */
  onChange(listener: (change: Change<T>) => void): () => void;
  /** Stops watching and waits for the loop to end. */
  close(): Promise<void>;
}

export interface Change<T> {
  readonly before: T | undefined;
  readonly after: T | undefined;
}

export interface InformerOptions<T extends KubeObject> {
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
  /** Named functions from an object to the values it is found by. */
  indexes?: Record<string, (object: T) => readonly string[]>;
  /** Shrinks an object on receipt; what is dropped costs no memory. */
  transform?: (object: T) => T;
}

/** Starts an Informer; it begins to list at once. */
export type OpenInformer = <T extends KubeObject>(
  kube: KubeClient,
  kind: Kind<T>,
  options?: InformerOptions<T>,
) => Informer<T>;
