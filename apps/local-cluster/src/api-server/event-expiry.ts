import { JournalWriteError } from "../storage/journal.ts";
import type { Clock } from "@kelvin/kube";
import type { Store } from "../storage/store.ts";
import type { ApiObject } from "./api-object.ts";
import { stringAt } from "./api-object.ts";
import { withOwnMetadata } from "./registry/create.ts";

const eventType = "/events";
const eventMsMax = 3600 * 1000;
const eventCountMax = 5_000;
const sweepIntervalMs = 60_000;

/** Removes Events that are an hour old, and the oldest beyond a number, so that they never fill the memory. */
export function openEventExpiry(store: Store, clock: Clock): { close(): void } {
  let cancel = clock.setTimer(sweep, sweepIntervalMs);
  function sweep(): void {
    try {
      expireEvents(store, clock.now());
    } catch (error) {
      // The disk is full, and revisions have run out with it: the next sweep will find them again.
      if (!(error instanceof JournalWriteError)) throw error;
    }
    cancel = clock.setTimer(sweep, sweepIntervalMs);
  }
  return { close: () => cancel() };
}

/** One sweep. */
export function expireEvents(store: Store, now: Date): void {
  const events = store
    .list(eventType)
    .map((event) => ({ event, seenMs: lastSeenMs(event) }))
    .sort((a, b) => a.seenMs - b.seenMs);
  const surplus = events.length - eventCountMax;
  for (const [index, { event, seenMs }] of events.entries()) {
    if (index >= surplus && now.getTime() - seenMs < eventMsMax) return;
    const { namespace = "", name = "" } = event.metadata;
    store.remove({ type: eventType, namespace, name }, withOwnMetadata(event));
  }
}

function lastSeenMs(event: ApiObject): number {
  const text =
    stringAt(event, "series", "lastObservedTime") ||
    stringAt(event, "lastTimestamp") ||
    event.metadata.creationTimestamp;
  const seenMs = Date.parse(text ?? "");
  return Number.isNaN(seenMs) ? 0 : seenMs;
}
