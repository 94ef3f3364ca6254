import type { Kind, KubeObject, ObjectKey } from "@kelvin/api";
import type { Clock } from "./clock.ts";
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
  /** Resolves after the first complete list has been applied. Never rejects; stays pending when closed before. */
  readonly synced: Promise<void>;
  /** Whether `synced` has resolved. */
  readonly isSynced: boolean;
  /**
   * Called after the copy changed, with old and new (undefined: did not or does not exist). One incarnation at a time: an
   * object that was deleted and created anew makes two changes. What the listener throws goes to `onError`.
   * Objects that are already there are not told of. Returns the unsubscriber.
   */
  onChange(listener: (change: Change<T>) => void): () => void;
  /** Stops watching and waits for the loop to end. */
  close(): Promise<void>;
}

/** One object before and after a change. */
export interface Change<T> {
  readonly before: T | undefined;
  readonly after: T | undefined;
}

/** What an Informer holds, and how. */
export interface InformerOptions<T extends KubeObject> {
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
  /** Named functions from an object to the values it is found by. They see transformed objects and must be pure. */
  indexes?: Record<string, (object: T) => readonly string[]>;
  /** Shrinks an object on receipt; what is dropped costs no memory. */
  transform?: (object: T) => T;
  /** Deep-freezes what is kept, so that a listener that changes an object fails at once. Default true. */
  freeze?: boolean;
  /** Told of every failed list, watch and listener; the informer goes on by itself. */
  onError?: (error: Error) => void;
  clock?: Clock;
  /** 0 ≤ x < 1, for the jitter of retries. */
  random?: () => number;
}

/** Starts an Informer; it begins to list at once. */
export type OpenInformer = <T extends KubeObject>(
  kube: Pick<KubeClient, "list" | "watch">,
  kind: Kind<T>,
  options?: InformerOptions<T>,
) => Informer<T>;
