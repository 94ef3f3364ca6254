import { createRequire } from "node:module";
import { systemClock } from "@kelvin/bus";

/** What the client's queue of requests has and we use. */
interface RequestQueue {
  throttleCheckTimeoutId: NodeJS.Timeout | null;
  readonly throttledUntil: number;
  readonly pending: readonly unknown[];
  checkPendingRequests(): void;
  scheduleCheckPendingRequests(): void;
}

const LOOK_MS = 10;

/**
 * kafkajs 2.2.4 looks for requests that wait with a timer that lies in the past and sets itself again, for each connection,
 * for ever, also after it was closed: a thousand times a second (measured: nine in a hundred of a core for six idle
 * readers). With this it looks only while something waits. Nothing is changed in a client that is made otherwise.
 */
export function mendRequestQueue(): void {
  const loaded: unknown = createRequire(import.meta.url)("kafkajs/src/network/requestQueue");
  if (typeof loaded !== "function") return;
  const queue = loaded.prototype as Partial<RequestQueue>;
  if (typeof queue.scheduleCheckPendingRequests !== "function") return;
  queue.scheduleCheckPendingRequests = schedule;
}

function schedule(this: RequestQueue): void {
  if (this.throttleCheckTimeoutId !== null || this.pending.length === 0) return;
  this.throttleCheckTimeoutId = setTimeout(
    () => {
      this.throttleCheckTimeoutId = null;
      this.checkPendingRequests();
    },
    Math.max(LOOK_MS, this.throttledUntil - systemClock.nowMs()),
  );
}
