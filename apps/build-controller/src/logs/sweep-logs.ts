import type { LogStore, StoredBuild } from "./log-store.ts";

export interface SweepLimits {
  readonly bytesPerNamespaceMax: number;
  /** How long the logs of a Build that is gone are kept. */
  readonly retentionMs: number;
}

/** What is known of the Builds that logs are of. */
export interface SweepView {
  /** Whether the Build exists. */
  readonly isThere: (build: StoredBuild) => boolean;
  /** Whether it has not ended: then its logs are being written. */
  readonly isRunning: (build: StoredBuild) => boolean;
  readonly nowMs: number;
}

/** Which logs go: those of Builds that are long gone, and the oldest of a namespace that holds too much. Pure. */
export function decideStaleLogs(
  stored: readonly StoredBuild[],
  { bytesPerNamespaceMax, retentionMs }: SweepLimits,
  { isThere, isRunning, nowMs }: SweepView,
): StoredBuild[] {
  const expired = stored.filter((build) => !isThere(build) && nowMs - build.writtenMs > retentionMs);
  const kept = stored.filter((build) => !expired.includes(build));
  const namespaces = [...new Set(kept.map(({ namespace }) => namespace))];
  const overflowing = namespaces.flatMap((namespace) => overflow(kept, namespace, bytesPerNamespaceMax));
  return [...expired, ...overflowing.filter((build) => !isRunning(build))];
}

function overflow(kept: readonly StoredBuild[], namespace: string, bytesMax: number): StoredBuild[] {
  const newestFirst = kept
    .filter((build) => build.namespace === namespace)
    .toSorted((a, b) => b.writtenMs - a.writtenMs);
  let bytes = 0;
  // The newest stays in any case: it may be the one that somebody is reading.
  return newestFirst.filter((build, index) => {
    bytes += build.bytes;
    return index > 0 && bytes > bytesMax;
  });
}

/** Forgets them. */
export async function sweepLogs(store: LogStore, limits: SweepLimits, view: SweepView): Promise<number> {
  const stale = decideStaleLogs(await store.listBuilds(), limits, view);
  for (const build of stale) await store.remove(build);
  return stale.length;
}
