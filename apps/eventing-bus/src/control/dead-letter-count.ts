import type { Clock } from "@kelvin/kube";
import { statusAnnotations } from "../model/annotations.ts";

const annotation = statusAnnotations.deadLetters;

/** How often at most an object's count is written: a store that fills would otherwise cost a write for each event. */
const refreshMsMin = 5_000;

/** A status that may carry the count. */
export interface CountedStatus {
  annotations?: Record<string, string>;
}

/** Keeps the count in the status of each object fresh, and rarely written. One for each controller. */
export interface DeadLetterCounts {
  /** Puts the count into the status. Gives how long to wait when that is too soon: reconcile again then. */
  refresh(status: CountedStatus, seen: { readonly uid: string; readonly count: number }): number | undefined;
  /** The object is gone. */
  forget(uid: string): void;
}

/** Starts without a memory: the first count of each object is written at once. */
export function makeDeadLetterCounts(clock: Pick<Clock, "monotonicMs">): DeadLetterCounts {
  const writtenMs = new Map<string, number>();
  return {
    refresh(status, { uid, count }) {
      const text = count === 0 ? undefined : String(count);
      if (status.annotations?.[annotation] === text) return undefined;
      const nowMs = clock.monotonicMs();
      const waitMs = (writtenMs.get(uid) ?? -Infinity) + refreshMsMin - nowMs;
      if (waitMs > 0) return waitMs;
      writtenMs.set(uid, nowMs);
      setAnnotation(status, text);
      return undefined;
    },
    forget: (uid) => void writtenMs.delete(uid),
  };
}

function setAnnotation(status: CountedStatus, text: string | undefined): void {
  const { [annotation]: _, ...others } = status.annotations ?? {};
  const annotations = text === undefined ? others : { ...others, [annotation]: text };
  if (Object.keys(annotations).length === 0) delete status.annotations;
  else status.annotations = annotations;
}
