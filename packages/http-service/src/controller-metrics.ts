import type { Registry } from "prom-client";
import type { AddMetrics, PromClient } from "./metrics.ts";

/** Counts what controllers do; fits `ControllerMetrics` of @kelvin/controller, which this package does not know. */
export interface ControllerCounts {
  queueDepth(controller: string, depth: number): void;
  queueWaitMs(controller: string, waitMs: number): void;
  reconciled(controller: string, result: string, durationMs: number): void;
  /** For `metrics` of the service's options. */
  readonly addMetrics: AddMetrics;
}

interface Totals {
  depth: number;
  waitMs: number;
  durationMs: number;
  readonly results: Map<string, number>;
}

/** Makes counts that start at zero: plain numbers, made into Prometheus metrics when they are read. */
export function makeControllerCounts(): ControllerCounts {
  const totals = new Map<string, Totals>();
  const totalsOf = (controller: string): Totals => {
    const found = totals.get(controller) ?? { depth: 0, waitMs: 0, durationMs: 0, results: new Map<string, number>() };
    totals.set(controller, found);
    return found;
  };
  return {
    queueDepth(controller, depth) {
      totalsOf(controller).depth = depth;
    },
    queueWaitMs(controller, waitMs) {
      totalsOf(controller).waitMs += waitMs;
    },
    reconciled(controller, result, durationMs) {
      const { results } = totalsOf(controller);
      results.set(result, (results.get(result) ?? 0) + 1);
      totalsOf(controller).durationMs += durationMs;
    },
    addMetrics: (registry, prom) => addAll(registry, prom, totals),
  };
}

interface Sample {
  labels: Record<string, string>;
  value: number;
}

function addAll(registry: Registry, prom: PromClient, totals: ReadonlyMap<string, Totals>): void {
  const samplesOf = (valueOf: (total: Totals) => number) => (): Sample[] =>
    [...totals].map(([controller, total]) => ({ labels: { controller }, value: valueOf(total) }));
  const results = (): Sample[] =>
    [...totals].flatMap(([controller, total]) =>
      [...total.results].map(([result, value]) => ({ labels: { controller, result }, value })),
    );

  new prom.Gauge({
    name: "kelvin_work_queue_depth",
    help: "Keys that wait to be reconciled.",
    labelNames: ["controller"],
    registers: [registry],
    collect() {
      for (const { labels, value } of samplesOf((total) => total.depth)()) this.set(labels, value);
    },
  });
  const counters: readonly [name: string, help: string, samples: () => Sample[]][] = [
    ["kelvin_work_queue_wait_seconds_total", "Time that keys have waited.", samplesOf((total) => total.waitMs / 1000)],
    ["kelvin_reconcile_seconds_total", "Time spent in reconciles.", samplesOf((total) => total.durationMs / 1000)],
    ["kelvin_reconciles_total", "Reconciles that ended, by how.", results],
  ];
  for (const [name, help, samples] of counters) addCounter(registry, prom, { name, help, samples });
}

/** A counter that is kept elsewhere as a number; prom-client's own can only be raised, so it is started over. */
function addCounter(
  registry: Registry,
  prom: PromClient,
  { name, help, samples }: { name: string; help: string; samples: () => Sample[] },
): void {
  new prom.Counter({
    name,
    help,
    labelNames: ["controller", "result"],
    registers: [registry],
    collect() {
      this.reset();
      for (const { labels, value } of samples()) this.inc(labels, value);
    },
  });
}
