/** What the load consists of. */
export type LoadPart = "keep-alive" | "new-connection" | "stream" | "websocket";

export interface LoadFailure {
  readonly part: LoadPart;
  /** When it was noticed, and how long after the load began. */
  readonly time: string;
  readonly afterMs: number;
  /** What went wrong, such as `status 503: no healthy pod` or `ECONNRESET: socket hang up`. */
  readonly cause: string;
}

export interface LoadReport {
  /** Exchanges that have ended, well or not: requests, streams and websocket echoes. */
  readonly requests: number;
  readonly counts: Readonly<Record<LoadPart, number>>;
  /** The first thousand. */
  readonly failures: readonly LoadFailure[];
  /** All, beyond those listed too. */
  readonly failureCount: number;
  /** Orderly closes of the websocket by the server, after which it was opened anew: not failures. */
  readonly webSocketReopens: number;
  /** From request to the last byte of the answer, of requests that are neither streams nor echoes. */
  readonly latencyMs: { readonly p50: number; readonly p99: number; readonly max: number };
  readonly elapsedMs: number;
}

const failuresListedMax = 1_000;
const latencyMsMax = 60_000;

/** Collects what the parts of the load saw. */
export interface Tally {
  succeeded(part: LoadPart, latencyMs?: number): void;
  failed(part: LoadPart, cause: string): void;
  reopened(): void;
  report(): LoadReport;
}

export function makeTally(): Tally {
  const startMs = performance.now();
  const counts: Record<LoadPart, number> = { "keep-alive": 0, "new-connection": 0, stream: 0, websocket: 0 };
  const failures: LoadFailure[] = [];
  let failureCount = 0;
  let webSocketReopens = 0;
  // One counter a millisecond: exact enough, and as large after an hour as after a second.
  const latencies = new Uint32Array(latencyMsMax + 1);
  return {
    succeeded(part, latencyMs) {
      counts[part] += 1;
      if (latencyMs === undefined) return;
      const bucket = Math.min(latencyMsMax, Math.ceil(latencyMs));
      latencies[bucket] = (latencies[bucket] ?? 0) + 1;
    },
    failed(part, cause) {
      counts[part] += 1;
      failureCount += 1;
      if (failures.length >= failuresListedMax) return;
      const afterMs = Math.round(performance.now() - startMs);
      failures.push({ part, time: new Date().toISOString(), afterMs, cause });
    },
    reopened() {
      webSocketReopens += 1;
    },
    report: () => ({
      requests: Object.values(counts).reduce((sum, count) => sum + count, 0),
      counts: { ...counts },
      failures: [...failures],
      failureCount,
      webSocketReopens,
      latencyMs: { p50: percentile(latencies, 0.5), p99: percentile(latencies, 0.99), max: percentile(latencies, 1) },
      elapsedMs: Math.round(performance.now() - startMs),
    }),
  };
}

function percentile(latencies: Uint32Array, share: number): number {
  const total = latencies.reduce((sum, count) => sum + count, 0);
  const wanted = Math.ceil(total * share);
  let seen = 0;
  for (const [latencyMs, count] of latencies.entries()) {
    seen += count;
    if (seen >= wanted) return total === 0 ? 0 : latencyMs;
  }
  return 0;
}
