/** Counts the requests that are worked on at the same time, as the container itself sees them. */
export function makeConcurrencyCounter() {
  let running = 0;
  let max = 0;
  return {
    /**
     * Runs the work and counts it until it is done. A client that hangs up ends nothing: the work goes on, and counts.
     * Ends in the same turn as the response is handed over, so the next request never meets one that is over.
     */
    async count(work) {
      running += 1;
      max = Math.max(max, running);
      try {
        await work();
      } finally {
        running -= 1;
      }
    },
    get running() {
      return running;
    },
    get max() {
      return max;
    },
  };
}
