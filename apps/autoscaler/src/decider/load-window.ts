const bucketMs = 1000;

/**
 * Load over time in buckets of one second: what was added during a second, summed over all activators.
 *
 * Averages are exact integrals: the sum over the window divided by its length, or by the time since the first entry after
 * a silence longer than the window, so that a burst from zero is not diluted by the idle time before it.
 * Memory is bounded by the longest window (an hour: 3,600 numbers).
 */
export interface LoadWindow {
  /** Adds `amount` (request-milliseconds, or requests) that arose during the `spanMs` before `atMs`. */
  add(amount: number, atMs: number, spanMs: number): void;
  /** Average of amount per millisecond over the last `windowMs`; undefined before the first entry. */
  averagePerMs(windowMs: number, nowMs: number): number | undefined;
}

/** Makes an empty window that remembers `keepMs` milliseconds. */
export function openLoadWindow(keepMs: number): LoadWindow {
  const size = Math.max(2, Math.ceil(keepMs / bucketMs) + 1);
  const amounts = new Float64Array(size);
  let newestBucket = -1;
  let firstMs: number | undefined;
  let lastMs = 0;

  /** Empties the buckets between the newest one and this one. */
  function advance(bucket: number): void {
    if (newestBucket >= 0 && bucket - newestBucket < size) {
      for (let passed = newestBucket + 1; passed <= bucket; passed += 1) amounts[passed % size] = 0;
    } else {
      amounts.fill(0);
    }
    newestBucket = bucket;
  }

  return {
    add(amount, atMs, spanMs) {
      const bucket = Math.floor(atMs / bucketMs);
      if (firstMs === undefined || atMs - lastMs > keepMs) firstMs = atMs - spanMs;
      if (bucket > newestBucket) advance(bucket);
      lastMs = Math.max(lastMs, atMs);
      // A line that comes late counts in the bucket it is late for, unless that is forgotten already.
      if (newestBucket - bucket < size) amounts[bucket % size] = (amounts[bucket % size] ?? 0) + amount;
    },
    averagePerMs(windowMs, nowMs) {
      if (firstMs === undefined) return undefined;
      const nowBucket = Math.floor(nowMs / bucketMs);
      const bucketCount = Math.max(1, Math.round(windowMs / bucketMs));
      // The running second is incomplete: reports come each second, so the window ends with the last one received.
      const endBucket = nowMs - lastMs < 2 * bucketMs ? Math.min(newestBucket, nowBucket) : nowBucket;
      let sum = 0;
      for (
        let bucket = Math.max(0, endBucket - bucketCount + 1);
        bucket <= Math.min(endBucket, newestBucket);
        bucket += 1
      ) {
        if (newestBucket - bucket < size) sum += amounts[bucket % size] ?? 0;
      }
      const endMs = endBucket === nowBucket && nowMs - lastMs >= 2 * bucketMs ? nowMs : Math.max(lastMs, firstMs + 1);
      const spanMs = Math.min(bucketCount * bucketMs, Math.max(bucketMs, endMs - firstMs));
      return sum / spanMs;
    },
  };
}
