import type { Log } from "./log.ts";

/** Owns the promises nobody awaits at once: says what fails, and waits for all of them at the end. */
export interface TaskSet {
  run(name: string, task: () => Promise<unknown>): void;
  close(): Promise<void>;
}

export function openTaskSet(log: Log): TaskSet {
  const running = new Set<Promise<void>>();
  return {
    run(name, task) {
      const promise = task()
        .then(
          () => undefined,
          (error: unknown) => {
            log.error({ task: name, error: String(error) }, "Background task failed");
          },
        )
        .finally(() => running.delete(promise));
      running.add(promise);
    },
    async close() {
      await Promise.all(running);
    },
  };
}
