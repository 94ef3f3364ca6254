import type { Kind, KubeObject, ObjectKey } from "@kelvin/api";
import { ExpiredError, keyText } from "@kelvin/kube";

/** One write, as watches and tests see it. */
export interface StoredEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly resourceVersion: number;
  /** Group and kind of the object. */
  readonly bucket: string;
  readonly before: KubeObject | undefined;
  readonly object: KubeObject;
}

/** Objects of all kinds with one resource version counter and a log of writes. All values in it are frozen. */
export interface FakeStore {
  get(bucket: string, key: ObjectKey): KubeObject | undefined;
  list(bucket: string): KubeObject[];
  all(): KubeObject[];
  nextVersion(): number;
  readonly version: number;
  commit(event: StoredEvent, key: ObjectKey): void;
  /** Events of a bucket after a version. @throws ExpiredError when they were forgotten. */
  eventsAfter(bucket: string, version: number): StoredEvent[];
  /** Forgets all events, so that watches from older versions expire. */
  compact(): void;
  subscribe(listener: (event: StoredEvent) => void): () => void;
}

const EVENTS_MAX = 10_000;

/** The bucket that a kind's objects are kept in, whatever their version. */
export function bucketOf(kind: Pick<Kind, "group" | "kind">): string {
  return `${kind.group}/${kind.kind}`;
}

/** Makes an empty store. */
export function makeFakeStore(): FakeStore {
  const buckets = new Map<string, Map<string, KubeObject>>();
  const listeners = new Set<(event: StoredEvent) => void>();
  let events: StoredEvent[] = [];
  let forgottenVersion = 0;
  let version = 0;

  const objectsOf = (bucket: string): Map<string, KubeObject> => {
    const objects = buckets.get(bucket) ?? new Map<string, KubeObject>();
    buckets.set(bucket, objects);
    return objects;
  };

  return {
    get: (bucket, key) => objectsOf(bucket).get(keyText(key)),
    list: (bucket) => [...objectsOf(bucket)].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object),
    all: () => [...buckets.values()].flatMap((objects) => [...objects.values()]),
    nextVersion: () => ++version,
    get version() {
      return version;
    },
    commit(event, key) {
      if (event.type === "DELETED") objectsOf(event.bucket).delete(keyText(key));
      else objectsOf(event.bucket).set(keyText(key), event.object);
      events.push(event);
      if (events.length > EVENTS_MAX) forgottenVersion = events.shift()?.resourceVersion ?? forgottenVersion;
      for (const listener of listeners) listener(event);
    },
    eventsAfter(bucket, after) {
      if (after < forgottenVersion) throw new ExpiredError(`too old resource version: ${after} (${forgottenVersion})`);
      return events.filter((event) => event.bucket === bucket && event.resourceVersion > after);
    },
    compact() {
      events = [];
      forgottenVersion = version;
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
  };
}
