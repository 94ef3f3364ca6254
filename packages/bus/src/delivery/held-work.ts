import type { HeldRecord } from "../bus.ts";
import { repeatUntilTaken } from "./repeat-until-taken.ts";
import type { DeliveryTools } from "./tools.ts";

/** The records that this process works on, so that closing can wait for them. */
export interface HeldWork {
  /** Runs `work`; true from it finishes the record, false or an error gives it back. */
  run(held: HeldRecord, work: () => Promise<boolean>): void;
  /** Resolves when nothing runs any more, or after `drainMs`. */
  drain(drainMs: number): Promise<void>;
}

const FINISH_RETRY_MS = 500;

/** @see HeldWork */
export function makeHeldWork(tools: DeliveryTools): HeldWork {
  const running = new Set<Promise<void>>();
  return {
    run(held, work) {
      const done = end(held, work, tools)
        .catch((error: unknown) => {
          tools.onFault(error);
          held.release();
        })
        .finally(() => {
          running.delete(done);
        });
      running.add(done);
    },
    async drain(drainMs) {
      const { promise: timeIsUp, resolve } = Promise.withResolvers<undefined>();
      const cancel = tools.clock.setTimer(() => {
        resolve(undefined);
      }, drainMs);
      await Promise.race([timeIsUp, Promise.all(running)]);
      cancel();
    },
  };
}

/** Whatever keeps the bus from finishing must not cost a second delivery, so finishing is repeated. */
async function end(held: HeldRecord, work: () => Promise<boolean>, { waiting }: DeliveryTools): Promise<void> {
  const repetition = { retryMs: FINISH_RETRY_MS, waiting, isPassing: () => true };
  const isFinished = (await work()) && (await repeatUntilTaken(() => held.finish(), repetition));
  if (!isFinished) held.release();
}
