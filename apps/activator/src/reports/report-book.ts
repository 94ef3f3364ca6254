import type { ActivatorReport, RevisionReport } from "@kelvin/api/scaling";
import type { RevisionEntry } from "../throttler/revision-directory.ts";

/** Makes the lines of the report stream, and remembers what the last one said. */
export interface ReportBook {
  /** The next line: every revision that is busy, or has changed since the line before. */
  nextLine(): ActivatorReport;
  /** A new reader knows nothing: the next line names every revision that ever had traffic or has open pods. */
  startOver(): void;
}

export interface ReportBookDeps {
  readonly activator: string;
  readonly bootId: string;
  readonly nowMs: () => number;
  all(): Iterable<RevisionEntry>;
}

interface Told {
  requestsEnded: number;
  openPodsVersion: number;
}

export function makeReportBook(deps: ReportBookDeps): ReportBook {
  let told = new WeakMap<RevisionEntry, Told>();
  let sequence = 0;

  function isNews({ throttler }: RevisionEntry, last: Told): boolean {
    const { meter, openPodsVersion } = throttler;
    return !meter.isIdle() || meter.requestsEnded !== last.requestsEnded || openPodsVersion !== last.openPodsVersion;
  }

  return {
    nextLine() {
      const nowMs = deps.nowMs();
      const revisions: RevisionReport[] = [];
      for (const entry of deps.all()) {
        const { throttler } = entry;
        if (!isNews(entry, told.get(entry) ?? nothing)) continue;
        told.set(entry, { requestsEnded: throttler.meter.requestsEnded, openPodsVersion: throttler.openPodsVersion });
        revisions.push(makeRevisionReport(entry, nowMs));
      }
      sequence++;
      return { activator: deps.activator, bootId: deps.bootId, sequence, monotonicMs: nowMs, revisions };
    },
    startOver() {
      told = new WeakMap();
    },
  };
}

const nothing: Told = { requestsEnded: 0, openPodsVersion: 0 };

function makeRevisionReport({ throttler }: RevisionEntry, nowMs: number): RevisionReport {
  const { meter } = throttler;
  const pods: Record<string, number> = {};
  const openPods: string[] = [];
  for (const pod of throttler.pods.values()) {
    if (pod.inFlight > 0) pods[pod.name] = pod.inFlight;
    if (pod.isOpen) openPods.push(pod.name);
  }
  return {
    namespace: throttler.namespace,
    revision: throttler.revision,
    concurrencyMs: meter.concurrencyMs(nowMs),
    requestsEnded: meter.requestsEnded,
    inFlight: meter.inFlight,
    queued: meter.queued,
    pods,
    openPods,
  };
}
