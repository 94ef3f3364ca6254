import type { Logger } from "@kelvin/http-service";
import type { Clock } from "@kelvin/kube";
import type { StreamName } from "./stream-key.ts";

/** Events that were read when most of the time was over for which their broker keeps them. */
export interface AgingEvents {
  readonly count: () => number;
  /** One more; `detail` is for people. */
  readonly note: (stream: StreamName, detail: string) => void;
}

/** There may be thousands: one line for all that come in so long. */
const TOLD_MS = 60_000;

/** Counts them, and warns in the log. */
export function countAging({ clock, log }: { readonly clock: Clock; readonly log: Pick<Logger, "warn"> }): AgingEvents {
  let count = 0;
  let toldMs: number | undefined;
  return {
    count: () => count,
    note(stream, detail) {
      count += 1;
      const nowMs = clock.monotonicMs();
      if (toldMs !== undefined && nowMs - toldMs < TOLD_MS) return;
      toldMs = nowMs;
      log.warn({ stream, detail, events: count }, "Events wait nearly as long as the broker keeps them");
    },
  };
}
