import { setImmediate as nextTurn } from "node:timers/promises";

/** Tells the broker what is finished: one commit under way, for all who wait. */
export interface CommitLoop {
  /** Resolves when a commit that began after this call is done. @throws BusUnavailableError when it failed */
  soon(): Promise<void>;
}

/** @param commit Commits what is to be committed by now. */
export function makeCommitLoop(commit: () => Promise<void>): CommitLoop {
  let waiting: PromiseWithResolvers<void> | undefined;
  let isRunning = false;
  const run = async (): Promise<void> => {
    // Those who finish at the same moment go together.
    await nextTurn();
    while (waiting !== undefined) {
      const { resolve, reject } = waiting;
      waiting = undefined;
      await commit().then(resolve, reject);
    }
    isRunning = false;
  };
  return {
    soon() {
      waiting ??= Promise.withResolvers();
      const { promise } = waiting;
      if (isRunning) return promise;
      isRunning = true;
      // It fails to nobody: whoever waits is told.
      run().catch(() => undefined);
      return promise;
    },
  };
}
