import type { Destination, KReference, Resolution } from "@kelvin/api/duck";
import type { WatchSource } from "@kelvin/controller";
import type { KubeObject, ObjectKey } from "@kelvin/kube";

/**
 * Looks up what destinations refer to, of whatever kind, and wakes whoever asked when it appears, changes or goes.
 * One for all controllers: they share what is watched.
 */
export interface Destinations {
  /** For one controller. */
  openTracker(): Tracker;
  /** Stops all watches. */
  close(): Promise<void>;
}

/** Remembers for one controller which of its objects asked for what. */
export interface Tracker {
  /** Belongs into the controller's `watches`: wakes the objects that asked for what changed. */
  readonly wakes: WatchSource;
  /**
   * Runs one reconcile of `key`. What it looks up takes the place of what that key looked up before; when it throws, both are
   * remembered.
   */
  asking<T>(key: ObjectKey, run: (lookup: Lookup) => Promise<T>): Promise<T>;
  /** Belongs into the controller's `forget`: the object is gone and is no longer woken. */
  forget(key: ObjectKey): void;
}

/** What a reconcile may ask. Both reject only when nothing can be known for now: let that fail the reconcile, which is tried again. */
export interface Lookup {
  /**
   * Where the destination leads to. A reference's namespace must be filled in, as defaults do. When there is a problem, which is
   * a sentence for a condition, a former address must be forgotten.
   */
  readonly resolve: (destination: Destination) => Promise<Resolution>;
  /** The object itself, for what needs more of it than an address. */
  readonly find: (ref: KReference) => Promise<Found>;
}

/** An object (undefined: there is none), or why it cannot be known whether there is one. */
export type Found =
  | { readonly ok: true; readonly object: TrackedObject | undefined }
  | { readonly ok: false; readonly problem: string };

/** What is kept of an object of any kind: its name and its versions, its address and its conditions. */
export interface TrackedObject extends KubeObject {
  status?: {
    address?: object;
    addresses?: object[];
    conditions?: { type: string; status: "True" | "False" | "Unknown"; reason?: string; message?: string }[];
    observedGeneration?: number;
  };
}
