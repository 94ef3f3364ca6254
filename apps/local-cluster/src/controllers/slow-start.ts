/** The outcome of a run of writes, of which some may never have been tried. */
export interface SlowStartResult {
  readonly succeededCount: number;
  readonly error: unknown;
}

/**
 * Runs `count` writes in batches of 1, 2, 4 … and stops after the first batch in which one failed: what will fail for
 * all (a quota, a missing ServiceAccount) is asked few times, not `count` times.
 */
export async function runSlowStart(count: number, write: (index: number) => Promise<void>): Promise<SlowStartResult> {
  let next = 0;
  let succeededCount = 0;
  for (let batchSize = 1; next < count; batchSize *= 2) {
    const indexes = Array.from({ length: Math.min(batchSize, count - next) }, (_, offset) => next + offset);
    const results = await Promise.allSettled(indexes.map(write));
    const failure = results.find((result) => result.status === "rejected");
    succeededCount += results.filter((result) => result.status === "fulfilled").length;
    if (failure !== undefined) return { succeededCount, error: failure.reason };
    next += indexes.length;
  }
  return { succeededCount, error: undefined };
}
