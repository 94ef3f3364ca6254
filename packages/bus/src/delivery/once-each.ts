import type { Timeouts } from "../timeouts.ts";

/** Does what is asked for under an id once, for all who ask. */
export interface OnceEach {
  /** Runs `work`, or tells what came of it when it runs or ran under this id. What ends with false or fails is forgotten. */
  run(id: string, work: () => Promise<boolean>): Promise<boolean>;
}

/**
 * Whoever appends again because an answer got lost leaves two records of one id. Without this each of them would be worked
 * off, and be appended again twice: their number would double with every step while answers get lost.
 *
 * @param keptMs How long what is done is remembered.
 */
export function makeOnceEach(timeouts: Timeouts, keptMs: number): OnceEach {
  const all = new Map<string, Promise<boolean>>();
  return {
    run(id, work) {
      const known = all.get(id);
      if (known !== undefined) return known;
      const doing = work();
      all.set(id, doing);
      doing.then(
        (isDone) => {
          if (isDone) timeouts.start(keptMs, () => all.delete(id));
          else all.delete(id);
        },
        () => all.delete(id),
      );
      return doing;
    },
  };
}
