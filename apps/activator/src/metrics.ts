import type { AddMetrics } from "@kelvin/http-service";
import type { ProxyServer } from "@kelvin/http-proxy";
import type { ExchangeRecorder } from "./path/exchange-recorder.ts";
import { latencyBounds } from "./path/request-metrics.ts";
import type { RevisionCounters } from "./path/revision-sender.ts";
import type { PodDirectory } from "./pods/pod-directory.ts";
import type { ReportStream } from "./reports/report-stream.ts";
import type { RoutingTable } from "./routing/routing-table.ts";
import type { RevisionDirectory } from "./throttler/revision-directory.ts";

export interface MetricsDeps {
  readonly recorder: ExchangeRecorder;
  readonly counters: RevisionCounters;
  readonly totals: { readonly waiters: number; readonly heldBytes: number };
  readonly pods: PodDirectory;
  readonly revisions: RevisionDirectory;
  readonly routes: RoutingTable;
  readonly reports: ReportStream;
  readonly proxy: () => ProxyServer | undefined;
}

type Labels = Record<string, string>;

/** One metric: what it is, and its values when it is asked for. */
interface Source {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge";
  readonly labelNames?: readonly string[];
  values(): readonly { labels: Labels; value: number }[];
}

/** Shows the numbers that the request path keeps anyway; nothing is counted twice, and nothing is done between scrapes. */
export function addActivatorMetrics(deps: MetricsDeps): AddMetrics {
  return (registry, { Counter, Gauge }) => {
    for (const source of [...requestSources(deps), ...throttlerSources(deps), ...proxySources(deps)]) {
      const { name, help, labelNames = [] } = source;
      const registers = [registry];
      if (source.type === "gauge") {
        const gauge = new Gauge({
          name,
          help,
          labelNames,
          registers,
          collect() {
            for (const { labels, value } of source.values()) gauge.set(labels, value);
          },
        });
        continue;
      }
      const counter = new Counter({
        name,
        help,
        labelNames,
        registers,
        collect() {
          counter.reset();
          for (const { labels, value } of source.values()) counter.inc(labels, value);
        },
      });
    }
  };
}

function requestSources({ recorder }: MetricsDeps): Source[] {
  const { metrics } = recorder;
  return [
    {
      name: "activator_requests_total",
      help: "Requests that ended, by the hundreds of their status; 0xx got none.",
      type: "counter",
      labelNames: ["code_class"],
      values: () => metrics.byCodeClass.map((value, i) => ({ labels: { code_class: `${i}xx` }, value })),
    },
    {
      name: "activator_request_duration_seconds_bucket",
      help: "Time from a request's head to the head of its response, as the buckets of a histogram.",
      type: "counter",
      labelNames: ["le"],
      values: () => cumulative(metrics.latencyCounts),
    },
    counter("activator_request_duration_seconds_sum", "Sum of those times.", () => metrics.latencySecondsSum),
    counter("activator_request_duration_seconds_count", "Number of those times.", () => sum(metrics.latencyCounts)),
    counter(
      "activator_request_log_batches_dropped_total",
      "Batches of request log lines that nobody read in time.",
      () => recorder.logLinesDropped,
    ),
  ];
}

function throttlerSources({ counters, totals, pods, revisions, routes, reports }: MetricsDeps): Source[] {
  const inFlight = (): number => sum([...revisions.all()].map(({ throttler }) => throttler.meter.inFlight));
  return [
    gauge("activator_queue_depth", "Requests that wait for a pod or for a free slot.", () => totals.waiters),
    gauge("activator_queue_bytes", "Bytes that may be held in memory for them.", () => totals.heldBytes),
    gauge("activator_in_flight", "Requests at revision pods, websockets included.", inFlight),
    gauge("activator_revisions", "Revisions known.", () => [...revisions.all()].length),
    gauge("activator_hosts", "Hosts in the routing table.", () => routes.hostCount),
    gauge("activator_autoscaler_connected", "1 while reports reach an autoscaler.", () => Number(reports.isConnected)),
    counter("activator_queue_full_total", "Requests refused because too many waited.", () => counters.queueFull),
    counter(
      "activator_queue_timeouts_total",
      "Requests whose time was up while they waited.",
      () => counters.waitTimeouts,
    ),
    counter(
      "activator_retries_total",
      "Requests sent to another pod after a failed connection.",
      () => counters.retries,
    ),
    counter("activator_ejections_total", "Times a pod was left alone after a failed connection.", () => pods.ejections),
    counter(
      "slot_released_unfinished_total",
      "Slots given back after the bound though the container may not have finished.",
      () => counters.slotReleasedUnfinished,
    ),
  ];
}

function proxySources({ proxy }: MetricsDeps): Source[] {
  return [
    gauge("activator_clients", "Open connections of clients.", () => proxy()?.gauges().clients ?? 0),
    gauge("activator_upstreams", "Open connections to pods and services.", () => proxy()?.gauges().upstreams ?? 0),
    gauge("activator_discarding", "Exchanges whose client is gone.", () => proxy()?.gauges().discarding ?? 0),
    counter(
      "activator_requests_malformed_total",
      "Requests refused unread.",
      () => proxy()?.counters.requestsMalformed ?? 0,
    ),
    counter(
      "activator_connections_refused_total",
      "Clients refused over the limit.",
      () => proxy()?.counters.clientsRefused ?? 0,
    ),
  ];
}

function gauge(name: string, help: string, value: () => number): Source {
  return { name, help, type: "gauge", values: () => [{ labels: {}, value: value() }] };
}

function counter(name: string, help: string, value: () => number): Source {
  return { name, help, type: "counter", values: () => [{ labels: {}, value: value() }] };
}

function cumulative(counts: readonly number[]): { labels: Labels; value: number }[] {
  let total = 0;
  return counts.map((count, i) => {
    total += count;
    return { labels: { le: latencyBounds[i] === undefined ? "+Inf" : String(latencyBounds[i]) }, value: total };
  });
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
