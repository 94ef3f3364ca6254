import type { Exchange } from "@kelvin/http-proxy";

/** Upper bounds of the latency buckets, in seconds. */
export const latencyBounds: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300,
];

/** Plain counters, so that counting a request costs an addition; the metrics endpoint reads them when asked. */
export interface RequestMetrics {
  /** By hundreds of the status; index 0 counts requests that got none. */
  readonly byCodeClass: number[];
  /** Requests per latency bucket, the last one being beyond all bounds; not cumulative. */
  readonly latencyCounts: number[];
  latencySecondsSum: number;
  record(exchange: Exchange, nowMs: number): void;
}

export function makeRequestMetrics(): RequestMetrics {
  const byCodeClass: number[] = Array.from({ length: 6 }, () => 0);
  const latencyCounts: number[] = Array.from({ length: latencyBounds.length + 1 }, () => 0);
  return {
    byCodeClass,
    latencyCounts,
    latencySecondsSum: 0,
    record(exchange, nowMs) {
      const codeClass = Math.min(5, Math.floor(exchange.status / 100));
      byCodeClass[codeClass] = (byCodeClass[codeClass] ?? 0) + 1;
      const endMs = exchange.respondedAtMs === 0 ? nowMs : exchange.respondedAtMs;
      const seconds = (endMs - exchange.receivedAtMs) / 1_000;
      this.latencySecondsSum += seconds;
      const bucket = bucketOf(seconds);
      latencyCounts[bucket] = (latencyCounts[bucket] ?? 0) + 1;
    },
  };
}

function bucketOf(seconds: number): number {
  let bucket = 0;
  while (bucket < latencyBounds.length && seconds > (latencyBounds[bucket] ?? 0)) bucket++;
  return bucket;
}
