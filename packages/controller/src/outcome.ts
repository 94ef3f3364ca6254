/** What a reconcile wants next: nothing until something changes, or to be called again after a while. */
export type Outcome = { readonly requeueAfterMs?: number };

/** Done until an event wakes the key again. */
export const waitForEvent: Outcome = {};

/** Done for now; the key is reconciled again after `delayMs` even if nothing changes. */
export function requeueAfter(delayMs: number): Outcome {
  return { requeueAfterMs: delayMs };
}

/** A failure that no retry can mend: the loop records an event and waits until the object changes. */
export class TerminalError extends Error {
  override readonly name = "TerminalError";
}
