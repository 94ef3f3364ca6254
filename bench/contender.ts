import type { ChildProcess } from "node:child_process";
import type { EventsLoadRequest, EventsLoadResult } from "./events-load.ts";
import { cpuSeconds, rssMb } from "./machine.ts";
import { nextMessage, type Subject } from "./subject.ts";
import { median, rounded, spread, type Row } from "./table.ts";

const warmupMs = 500;
/** How long one round is. */
export const durationMs = Number(process.env["BENCH_ROUND_MS"] ?? 1_500);
/** Rounds of each contender. */
export const rounds = Number(process.env["BENCH_ROUNDS"] ?? 7);

/** One side of a comparison: a process, and what it is sent. */
export interface Contender {
  readonly name: string;
  readonly subject: Subject;
  readonly request: Omit<EventsLoadRequest, "warmupMs" | "durationMs">;
  readonly results: Measured[];
}

/** What came of one round. */
export interface Measured extends EventsLoadResult {
  readonly cpuSeconds: number;
}

/** One round of a contender. */
export async function measure(
  load: ChildProcess,
  { request, subject }: Contender,
  lengthMs = durationMs,
): Promise<Measured> {
  load.send({ ...request, warmupMs, durationMs: lengthMs } satisfies EventsLoadRequest);
  await nextMessage(load);
  const before = cpuSeconds(subject.pid);
  const result = (await nextMessage(load)) as EventsLoadResult;
  return { ...result, cpuSeconds: cpuSeconds(subject.pid) - before };
}

/** The median of the rounds' ratios: what disturbs a round disturbs both of its sides. */
export function ratio(one: Contender, other: Contender): number {
  return median(
    one.results.map((result, round) => perCpuSecond(result) / perCpuSecond(other.results[round] ?? result)),
  );
}

/** Events for a second of processor time: what the neighbours do says little about it. */
export function perCpuSecond({ events, cpuSeconds: seconds }: Measured): number {
  return events / seconds;
}

/** A line of the table. */
export function row({ name, subject, results }: Contender): Row {
  const perCpu = results.map(perCpuSecond);
  return {
    "": name,
    "events/CPU-s": rounded(median(perCpu)),
    spread: spread(perCpu),
    "events/s": rounded(median(results.map(({ events, elapsedMs }) => (events / elapsedMs) * 1000))),
    "p50 ms": rounded(median(results.map(({ p50Ms }) => p50Ms))),
    "p99 ms": rounded(median(results.map(({ p99Ms }) => p99Ms))),
    "RSS MB": rounded(rssMb(subject.pid)),
  };
}

/** What makes a figure void. */
export function complain(name: string, results: readonly Measured[]): string[] {
  const failures = results.reduce((sum, result) => sum + result.failures, 0);
  return failures === 0 ? [] : [`${name}: ${failures} events were not accepted`];
}
