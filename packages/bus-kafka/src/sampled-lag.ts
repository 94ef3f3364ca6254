import type { Clock } from "@kelvin/bus";

/** How many bytes wait unfinished in a log, about: Kafka counts records, and is asked once in a while. */
export interface SampledLag {
  /** Bytes that were appended. */
  added(bytes: number): void;
  readonly bytes: number;
  close(): void;
}

const SAMPLE_MS = 1_000;
/** How much one record weighs in the average of all. */
const WEIGHT = 0.05;

/**
 * What the slowest reader had not finished at the last sample, at the average size of what was appended here, and all that
 * was appended since.
 *
 * @param fetchLag Records that the slowest reader has not finished; undefined when nobody reads.
 */
export function sampleLag(fetchLag: () => Promise<number | undefined>, clock: Clock): SampledLag {
  let averageBytes: number | undefined;
  let sampledBytes = 0;
  let sinceBytes = 0;
  let isClosed = false;
  let cancel: (() => void) | undefined;

  const sample = async (): Promise<void> => {
    const before = sinceBytes;
    try {
      const records = await fetchLag();
      // What came while we asked counts twice until the next sample: too much rather than too little.
      sampledBytes = (records ?? 0) * (averageBytes ?? 0);
      sinceBytes -= before;
    } catch {
      // Nobody answers: what was known stands.
    }
    cancel = undefined;
    // While something waits it is asked on, so that room is noticed.
    if (sampledBytes > 0 || sinceBytes > 0) schedule();
  };
  const schedule = (): void => {
    if (!isClosed) cancel ??= clock.setTimer(() => void sample(), SAMPLE_MS);
  };
  return {
    added(bytes) {
      averageBytes = averageBytes === undefined ? bytes : averageBytes + (bytes - averageBytes) * WEIGHT;
      sinceBytes += bytes;
      schedule();
    },
    get bytes() {
      return sampledBytes + sinceBytes;
    },
    close() {
      isClosed = true;
      cancel?.();
    },
  };
}
