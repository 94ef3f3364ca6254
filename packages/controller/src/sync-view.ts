import { toError } from "@kelvin/kube";
import type { Log } from "./log.ts";

/** Whether several live copies have been read for the first time. */
export interface SyncView {
  /** Pending for ever if the first list of anything fails, which is logged. */
  readonly synced: Promise<void>;
  isSynced(): boolean;
}

/** Follows informers and config watchers until each has been read once. */
export function trackSynced(sources: readonly { readonly synced: Promise<void> }[], log: Log): SyncView {
  let isSynced = false;
  const { promise: synced, resolve } = Promise.withResolvers<void>();
  Promise.all(sources.map((source) => source.synced)).then(
    () => {
      isSynced = true;
      resolve();
    },
    (error: unknown) => log.error({ err: toError(error) }, "First list failed"),
  );
  return { synced, isSynced: () => isSynced };
}

/** Resolves once the signal aborts: the end of a term of leadership, for those who wait for it. */
export function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
