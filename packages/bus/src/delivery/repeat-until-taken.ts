import { BusError, BusUnavailableError } from "../bus.ts";
import type { Waiting } from "./waiting.ts";

/** How to go on when the bus does not take something. */
export interface Repetition {
  readonly retryMs: number;
  readonly waiting: Waiting;
  /** Which failures waiting may mend. Default: the broker is away. What is sent does not change, so others stay. */
  readonly isPassing?: (error: BusError) => boolean;
}

/**
 * Does what the bus must take, again and again while the failure may pass, and tells whether it did: false when the engine
 * closes before. Whoever calls holds a record meanwhile, so nothing is lost by waiting.
 *
 * @throws BusError of the kind that does not pass: the caller then brings the event elsewhere. Other errors as they are.
 */
export async function repeatUntilTaken(act: () => Promise<void>, repetition: Repetition): Promise<boolean> {
  const { retryMs, waiting, isPassing = isAway } = repetition;
  for (;;) {
    try {
      await act();
      return true;
    } catch (error) {
      if (!(error instanceof BusError) || !isPassing(error)) throw error;
      if (!(await waiting.pause(retryMs))) return false;
    }
  }
}

function isAway(error: BusError): boolean {
  return error instanceof BusUnavailableError;
}
