import { BusError } from "../bus.ts";
import type { Waiting } from "./waiting.ts";

/**
 * Does what the bus must take, again and again while the bus fails, and tells whether it did: false when the engine closes
 * before. Whoever calls holds a record meanwhile, so nothing is lost by waiting. Other errors are thrown.
 */
export async function repeatUntilTaken(act: () => Promise<void>, retryMs: number, waiting: Waiting): Promise<boolean> {
  for (;;) {
    try {
      await act();
      return true;
    } catch (error) {
      if (!(error instanceof BusError)) throw error;
      if (!(await waiting.pause(retryMs))) return false;
    }
  }
}
