import type { AddMetrics } from "@kelvin/http-service";
import type { BusReport, ServedStream } from "../model/report.ts";

/** What is shown, all of it kept anyway or counted as it happens. */
export interface BusMetrics {
  /** Requests by the status they were answered with; 0: the sender hung up first. */
  readonly answers: ReadonlyMap<number, number>;
  readonly report: () => BusReport;
  /** Attempts to deliver, first ones and others. */
  readonly attempts: () => number;
  /** Events that were read when most of the time was over that the broker keeps them. */
  readonly aging: () => number;
  /** Whether streams are read: not while the API server is silent. */
  readonly isReading: () => boolean;
}

type Values = readonly { readonly labels: Readonly<Record<string, string>>; readonly value: number }[];

interface Source {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge";
  readonly labelNames?: readonly string[];
  readonly values: () => Values;
}

/** Shows what a replica of a bus counts. */
export function addBusMetrics(metrics: BusMetrics): AddMetrics {
  return (registry, { Counter, Gauge }) => {
    for (const { name, help, type, labelNames = [], values } of [
      ...trafficSources(metrics),
      ...stateSources(metrics),
    ]) {
      const Kind = type === "counter" ? Counter : Gauge;
      const metric = new Kind({
        name,
        help,
        labelNames,
        registers: [registry],
        collect() {
          metric.reset();
          for (const { labels, value } of values()) metric.inc(labels, value);
        },
      });
    }
  };
}

function trafficSources({ answers, attempts, aging }: BusMetrics): Source[] {
  return [
    {
      name: "eventing_requests_total",
      help: "Requests of senders, by the status of the answer; 0: they hung up first.",
      type: "counter",
      labelNames: ["code"],
      values: () => [...answers].map(([code, value]) => ({ labels: { code: String(code) }, value })),
    },
    {
      name: "eventing_attempts_total",
      help: "Attempts to deliver an event to a consumer.",
      type: "counter",
      values: () => [{ labels: {}, value: attempts() }],
    },
    {
      name: "eventing_aging_events_total",
      help: "Events that were read when four fifths of the time were over for which the broker keeps them, delivered or not.",
      type: "counter",
      values: () => [{ labels: {}, value: aging() }],
    },
  ];
}

function stateSources({ report, isReading }: BusMetrics): Source[] {
  const sum = (of: "backlog" | "deadLetters"): number =>
    Object.values(report().consumers).reduce((total, consumer) => total + consumer[of], 0);
  return [
    {
      name: "eventing_streams",
      help: "Brokers and channels, by how they are served.",
      type: "gauge",
      labelNames: ["state"],
      values: () => byState(report().streams),
    },
    {
      name: "eventing_consumers",
      help: "Triggers and Subscriptions, by how they are served.",
      type: "gauge",
      labelNames: ["state"],
      values: () => byState(report().consumers),
    },
    {
      name: "eventing_backlog_events",
      help: "Events that wait for another attempt, as far as this replica knows.",
      type: "gauge",
      values: () => [{ labels: {}, value: sum("backlog") }],
    },
    {
      name: "eventing_dead_letters",
      help: "Events in the dead-letter store.",
      type: "gauge",
      values: () => [{ labels: {}, value: sum("deadLetters") }],
    },
    {
      name: "eventing_bus_up",
      help: "1 while the broker answers.",
      type: "gauge",
      values: () => [{ labels: {}, value: report().trouble === null ? 1 : 0 }],
    },
    {
      name: "eventing_reading",
      help: "1 while streams are read; 0 while the API server is silent.",
      type: "gauge",
      values: () => [{ labels: {}, value: isReading() ? 1 : 0 }],
    },
  ];
}

function byState(served: Readonly<Record<string, ServedStream>>): Values {
  const counts = new Map<string, number>();
  for (const { state } of Object.values(served)) counts.set(state, (counts.get(state) ?? 0) + 1);
  return [...counts].map(([state, value]) => ({ labels: { state }, value }));
}
