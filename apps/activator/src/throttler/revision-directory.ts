import type { Revision } from "@kelvin/api/serving/v1/kinds";
import type { Clock } from "@kelvin/kube";
import type { PodSlots } from "./pod-slots.ts";
import { RevisionThrottler, type ThrottlerWorld } from "./revision-throttler.ts";

/** Where the data plane dials a pod. */
export interface PodUpstream {
  readonly address: string;
}

export type RevisionPod = PodSlots<PodUpstream>;

/** A revision as the request path sees it: who waits, who serves, how long it may take. */
export interface RevisionEntry {
  readonly key: string;
  readonly throttler: RevisionThrottler<PodUpstream>;
  /** False until its Revision was seen, and once it was deleted. */
  isKnown: boolean;
  slotsPerPod: number;
  timeoutMs: number;
  responseStartMsMax: number;
  idleMsMax: number;
}

export interface RevisionDirectory {
  find(key: string): RevisionEntry | undefined;
  /** Makes an entry for what a route, a pod or the autoscaler names before its Revision is seen. */
  ensure(namespace: string, name: string): RevisionEntry;
  all(): IterableIterator<RevisionEntry>;
  apply(revision: Revision): void;
  remove(namespace: string, name: string): void;
  /** Call whenever a throttler has got something that time must end: a waiter, a hold. */
  watch(entry: RevisionEntry): void;
  /** Lets time pass for cordons, and forgets what is gone and idle. Cheap; call about once a second. */
  sweep(): void;
  close(): void;
}

const tickMs = 20;
/** How long a request for a revision that nobody has shown us may wait for it. */
const unknownRevisionMs = 10_000;

export function openRevisionDirectory(world: ThrottlerWorld, clock: Clock): RevisionDirectory {
  const entries = new Map<string, RevisionEntry>();
  const pending = new Set<RevisionEntry>();
  let cancelTick: (() => void) | undefined;

  function tick(): void {
    cancelTick = undefined;
    for (const entry of pending) {
      entry.throttler.tick();
      if (!entry.throttler.isPending()) pending.delete(entry);
    }
    if (pending.size > 0) cancelTick = clock.setTimer(tick, tickMs);
  }

  function ensure(namespace: string, name: string): RevisionEntry {
    const key = `${namespace}/${name}`;
    let entry = entries.get(key);
    if (entry === undefined) {
      const throttler = new RevisionThrottler<PodUpstream>({ namespace, revision: name }, world);
      const unknown = { isKnown: false, slotsPerPod: 0, timeoutMs: unknownRevisionMs };
      entry = { key, throttler, ...unknown, responseStartMsMax: 0, idleMsMax: 0 };
      entries.set(key, entry);
    }
    return entry;
  }

  return {
    find: (key) => entries.get(key),
    ensure,
    all: () => entries.values(),
    apply(revision) {
      const entry = ensure(revision.metadata.namespace ?? "", revision.metadata.name ?? "");
      const { spec } = revision;
      entry.isKnown = true;
      entry.slotsPerPod = spec.containerConcurrency ?? 0;
      entry.timeoutMs = (spec.timeoutSeconds ?? 300) * 1_000;
      entry.responseStartMsMax = (spec.responseStartTimeoutSeconds ?? 0) * 1_000;
      entry.idleMsMax = (spec.idleTimeoutSeconds ?? 0) * 1_000;
      entry.throttler.setSlotsPerPod(entry.slotsPerPod);
    },
    remove(namespace, name) {
      const entry = entries.get(`${namespace}/${name}`);
      if (entry === undefined) return;
      entry.isKnown = false;
      entry.throttler.setSlotsPerPod(undefined);
      entry.throttler.refuseAll("revision-deleted");
    },
    watch(entry) {
      pending.add(entry);
      cancelTick ??= clock.setTimer(tick, tickMs);
    },
    sweep() {
      for (const entry of entries.values()) {
        entry.throttler.tick();
        if (!entry.isKnown && entry.throttler.isForgettable()) entries.delete(entry.key);
      }
    },
    close() {
      cancelTick?.();
      for (const entry of entries.values()) entry.throttler.refuseAll("shutdown");
    },
  };
}
